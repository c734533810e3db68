//! What do we read of a message's `params`, and of the `_meta` inside?
//!
//! The few members that decide something are read; everything else stays bytes.

use std::borrow::Cow;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::error::{EnvelopeError, Place};
use crate::raw::RawJson;
use crate::strict::{Members, Refusal, read_members, read_object, take_raw};

/// A value that should be a string: the decoded text and the bytes it was decoded from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text<'a> {
    raw: RawJson<'a>,
    decoded: Option<Cow<'a, str>>,
}

impl<'a> Text<'a> {
    fn new(raw: RawJson<'a>) -> Self {
        Self { raw, decoded: raw.decode_string() }
    }

    /// The decoded string; None when the value is not a string.
    pub fn as_str(&self) -> Option<&str> {
        self.decoded.as_deref()
    }

    /// The value as written.
    pub fn raw(&self) -> RawJson<'a> {
        self.raw
    }
}

/// `params` of a request or notification. A string accessor is None when the member is absent or not a string.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    message: &'a str,
    name: Option<Text<'a>>,
    uri: Option<Text<'a>>,
    task_id: Option<Text<'a>>,
    level: Option<Text<'a>>,
    protocol_version: Option<Text<'a>>,
    reference: Option<Reference<'a>>,
    request_id: Option<RawJson<'a>>,
    progress_token: Option<RawJson<'a>>,
    arguments: Option<RawJson<'a>>,
    capabilities: Option<RawJson<'a>>,
    client_info: Option<RawJson<'a>>,
    input_responses: Option<RawJson<'a>>,
    request_state: Option<RawJson<'a>>,
    resource_subscriptions: Vec<Cow<'a, str>>,
    meta: Option<Meta<'a>>,
}

impl<'a> Params<'a> {
    /// `params` as written. This scans the message a second time: use it where a message is rare (`initialize`).
    pub fn raw(&self) -> RawJson<'a> {
        let found = read_object(self.message, RawParams(None)).ok().and_then(|members| members.0);
        // The message has been read once by the same rules, so it is found.
        found.unwrap_or(RawJson::trusted("{}"))
    }

    /// `name` (tools/call, prompts/get).
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().and_then(Text::as_str)
    }

    /// `name` as written, whatever its type.
    pub fn name_raw(&self) -> Option<RawJson<'a>> {
        self.name.as_ref().map(Text::raw)
    }

    /// `uri` (resources/read, resources/subscribe, notifications/resources/updated).
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_ref().and_then(Text::as_str)
    }

    /// `uri` as written, whatever its type.
    pub fn uri_raw(&self) -> Option<RawJson<'a>> {
        self.uri.as_ref().map(Text::raw)
    }

    /// `taskId` (tasks/get, tasks/update, tasks/cancel, tasks/result).
    pub fn task_id(&self) -> Option<&str> {
        self.task_id.as_ref().and_then(Text::as_str)
    }

    /// `taskId` as written, whatever its type.
    pub fn task_id_raw(&self) -> Option<RawJson<'a>> {
        self.task_id.as_ref().map(Text::raw)
    }

    /// `level` (logging/setLevel, notifications/message).
    pub fn level(&self) -> Option<&str> {
        self.level.as_ref().and_then(Text::as_str)
    }

    /// `protocolVersion` (initialize).
    pub fn protocol_version(&self) -> Option<&str> {
        self.protocol_version.as_ref().and_then(Text::as_str)
    }

    /// `protocolVersion` as written, whatever its type.
    pub fn protocol_version_raw(&self) -> Option<RawJson<'a>> {
        self.protocol_version.as_ref().map(Text::raw)
    }

    /// `ref` (completion/complete).
    pub fn reference(&self) -> Option<&Reference<'a>> {
        self.reference.as_ref()
    }

    /// `requestId` (notifications/cancelled).
    pub fn request_id(&self) -> Option<RawJson<'a>> {
        self.request_id
    }

    /// `progressToken` of notifications/progress. The token of a request is in [`Meta::progress_token`].
    pub fn progress_token(&self) -> Option<RawJson<'a>> {
        self.progress_token
    }

    /// `arguments` (tools/call, prompts/get).
    pub fn arguments(&self) -> Option<RawJson<'a>> {
        self.arguments
    }

    /// `capabilities` (initialize).
    pub fn capabilities(&self) -> Option<RawJson<'a>> {
        self.capabilities
    }

    /// `clientInfo` (initialize).
    pub fn client_info(&self) -> Option<RawJson<'a>> {
        self.client_info
    }

    /// `inputResponses`: what was answered to the questions of the last `input_required` (2026-07-28).
    pub fn input_responses(&self) -> Option<RawJson<'a>> {
        self.input_responses
    }

    /// `requestState`: what the server wants to hear again from whoever answers its `input_required`, as written (2026-07-28).
    pub fn request_state(&self) -> Option<RawJson<'a>> {
        self.request_state
    }

    /// The URIs of `notifications.resourceSubscriptions` (subscriptions/listen); empty when there are none.
    pub fn resource_subscriptions(&self) -> &[Cow<'a, str>] {
        &self.resource_subscriptions
    }

    /// `_meta`.
    pub fn meta(&self) -> Option<&Meta<'a>> {
        self.meta.as_ref()
    }
}

/// `ref` of completion/complete.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    kind: Option<Text<'a>>,
    name: Option<Text<'a>>,
    uri: Option<Text<'a>>,
}

impl<'a> Reference<'a> {
    fn read(raw: RawJson<'a>) -> Result<Self, EnvelopeError> {
        let [kind, name, uri] = read_members(raw.as_str(), Place::Reference, &["type", "name", "uri"])?;
        Ok(Self { kind: kind.map(Text::new), name: name.map(Text::new), uri: uri.map(Text::new) })
    }

    /// `type`: `ref/prompt` or `ref/resource`.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_ref().and_then(Text::as_str)
    }

    /// `name` of a `ref/prompt`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().and_then(Text::as_str)
    }

    /// `name` as written, whatever its type.
    pub fn name_raw(&self) -> Option<RawJson<'a>> {
        self.name.as_ref().map(Text::raw)
    }

    /// `uri` of a `ref/resource`: a URI or a URI template.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_ref().and_then(Text::as_str)
    }

    /// `uri` as written, whatever its type.
    pub fn uri_raw(&self) -> Option<RawJson<'a>> {
        self.uri.as_ref().map(Text::raw)
    }
}

/// `_meta` of `params`.
#[derive(Clone, Debug)]
pub struct Meta<'a> {
    raw: RawJson<'a>,
    protocol_version: Option<Text<'a>>,
    client_capabilities: Option<RawJson<'a>>,
    client_info: Option<RawJson<'a>>,
    progress_token: Option<RawJson<'a>>,
    subscription_id: Option<RawJson<'a>>,
    log_level: Option<Text<'a>>,
    traceparent: Option<Text<'a>>,
}

impl<'a> Meta<'a> {
    fn read(raw: RawJson<'a>) -> Result<Self, EnvelopeError> {
        let [protocol_version, client_capabilities, client_info, progress_token, subscription_id, log_level, traceparent, ..] =
            read_members(
                raw.as_str(),
                Place::Meta,
                &[
                    "io.modelcontextprotocol/protocolVersion",
                    "io.modelcontextprotocol/clientCapabilities",
                    "io.modelcontextprotocol/clientInfo",
                    "progressToken",
                    "io.modelcontextprotocol/subscriptionId",
                    "io.modelcontextprotocol/logLevel",
                    "traceparent",
                    "tracestate",
                    "baggage",
                ],
            )?;
        Ok(Self {
            raw,
            protocol_version: protocol_version.map(Text::new),
            client_capabilities,
            client_info,
            progress_token,
            subscription_id,
            log_level: log_level.map(Text::new),
            traceparent: traceparent.map(Text::new),
        })
    }

    /// `_meta` as written.
    pub fn raw(&self) -> RawJson<'a> {
        self.raw
    }

    /// `io.modelcontextprotocol/protocolVersion`; None when absent or not a string.
    pub fn protocol_version(&self) -> Option<&str> {
        self.protocol_version.as_ref().and_then(Text::as_str)
    }

    /// Whether the protocol version key is there at all, with a value of any type. It marks a modern message.
    pub fn has_protocol_version(&self) -> bool {
        self.protocol_version.is_some()
    }

    /// `io.modelcontextprotocol/clientCapabilities`.
    pub fn client_capabilities(&self) -> Option<RawJson<'a>> {
        self.client_capabilities
    }

    /// `io.modelcontextprotocol/clientInfo`. Never to be used for a decision.
    pub fn client_info(&self) -> Option<RawJson<'a>> {
        self.client_info
    }

    /// `progressToken`.
    pub fn progress_token(&self) -> Option<RawJson<'a>> {
        self.progress_token
    }

    /// `io.modelcontextprotocol/subscriptionId`.
    pub fn subscription_id(&self) -> Option<RawJson<'a>> {
        self.subscription_id
    }

    /// `io.modelcontextprotocol/logLevel`.
    pub fn log_level(&self) -> Option<&str> {
        self.log_level.as_ref().and_then(Text::as_str)
    }

    /// `traceparent` (W3C Trace Context), unchecked.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_ref().and_then(Text::as_str)
    }
}

/// The members of `params` while they are read.
pub(super) struct ParamsMembers<'a> {
    params: Params<'a>,
}

impl<'a> ParamsMembers<'a> {
    pub(super) fn new(message: &'a str) -> Self {
        Self {
            params: Params {
                message,
                name: None,
                uri: None,
                task_id: None,
                level: None,
                protocol_version: None,
                reference: None,
                request_id: None,
                progress_token: None,
                arguments: None,
                capabilities: None,
                client_info: None,
                input_responses: None,
                request_state: None,
                resource_subscriptions: Vec::new(),
                meta: None,
            },
        }
    }

    pub(super) fn finish(self) -> Params<'a> {
        self.params
    }

    fn put(&mut self, member: &str, value: RawJson<'a>) -> Result<(), EnvelopeError> {
        let params = &mut self.params;
        match member {
            "name" => params.name = Some(Text::new(value)),
            "uri" => params.uri = Some(Text::new(value)),
            "taskId" => params.task_id = Some(Text::new(value)),
            "level" => params.level = Some(Text::new(value)),
            "protocolVersion" => params.protocol_version = Some(Text::new(value)),
            "requestId" => params.request_id = Some(value),
            "progressToken" => params.progress_token = Some(value),
            "arguments" => params.arguments = Some(value),
            "capabilities" => params.capabilities = Some(value),
            "clientInfo" => params.client_info = Some(value),
            "inputResponses" => params.input_responses = Some(value),
            "requestState" => params.request_state = Some(value),
            "_meta" => params.meta = Some(Meta::read(value)?),
            // Extensions may give these two another type; only the standard's object is ours to read.
            "ref" if value.is_object() => params.reference = Some(Reference::read(value)?),
            "notifications" if value.is_object() => params.resource_subscriptions = subscriptions(value)?,
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Members<'a> for ParamsMembers<'a> {
    const OPEN: bool = true;

    fn place(&self) -> Place {
        Place::Params
    }

    fn known(&self) -> &'static [&'static str] {
        &[
            "name",
            "arguments",
            "_meta",
            "uri",
            "taskId",
            "level",
            "protocolVersion",
            "requestId",
            "progressToken",
            "capabilities",
            "clientInfo",
            "ref",
            "notifications",
            "inputResponses",
            "requestState",
        ]
    }

    fn take<A: MapAccess<'a>>(&mut self, index: usize, map: &mut A, refusal: &Refusal) -> Result<(), A::Error> {
        let value = take_raw(map)?;
        let member = self.known().get(index).copied().unwrap_or_default();
        self.put(member, value).map_err(|error| refusal.refuse(error))
    }
}

fn subscriptions<'a>(raw: RawJson<'a>) -> Result<Vec<Cow<'a, str>>, EnvelopeError> {
    let [uris] = read_members(raw.as_str(), Place::Notifications, &["resourceSubscriptions"])?;
    let Some(uris) = uris.filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let listed: Vec<&'a RawValue> = serde_json::from_str(uris.as_str()).map_err(|_| EnvelopeError::ResourceSubscriptions)?;
    let decoded = listed.into_iter().map(|uri| RawJson::trusted(uri.get()).decode_string());
    decoded.map(|uri| uri.ok_or(EnvelopeError::ResourceSubscriptions)).collect()
}

/// Finds `params` again, as bytes.
struct RawParams<'a>(Option<RawJson<'a>>);

impl<'a> Members<'a> for RawParams<'a> {
    const OPEN: bool = true;

    fn place(&self) -> Place {
        Place::Envelope
    }

    fn known(&self) -> &'static [&'static str] {
        &["params"]
    }

    fn take<A: MapAccess<'a>>(&mut self, _index: usize, map: &mut A, _refusal: &Refusal) -> Result<(), A::Error> {
        self.0 = Some(take_raw(map)?);
        Ok(())
    }
}
