//! Which wire does this message speak, and does it keep that wire's rules?
//!
//! The era is decided per request by its envelope, never by its method or by what was said before. Any sign of the modern
//! era makes the modern rules binding: there is no way back to the legacy reading. What one wire says is put in the words of
//! the other by [`to_modern`] and [`to_legacy`].

pub mod to_legacy;
pub mod to_modern;

mod codes;
mod meta_key;
mod question;
mod rewrite;
#[cfg(test)]
mod tests;
mod untranslatable;

use http::{HeaderMap, HeaderName};

pub use self::untranslatable::Untranslatable;

use crate::envelope::{Kind, Message, Meta};
use crate::header;
use crate::method::{self, NamedBy};
use crate::version::{self, LEGACY, ProtocolVersion};
use crate::wire_error::{HeaderFault, Requested, WireError};

/// One of the two wires that MCP has over the same URL.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Era {
    /// 2025-03-26 to 2025-11-25: `initialize`, sessions, streams that outlive a request.
    Legacy,
    /// From 2026-07-28: every request stands alone.
    Modern,
}

/// What [`classify`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// The wire.
    pub era: Era,
    /// The revision. None for a legacy message without a version header: then the session says, or [`version::ASSUMED`].
    pub version: Option<ProtocolVersion>,
}

/// The headers that repeat the body, as far as they are there. Values as received, at most 16 KiB each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'h> {
    /// `MCP-Protocol-Version`
    pub version: Option<&'h str>,
    /// `Mcp-Method`
    pub method: Option<&'h str>,
    /// `Mcp-Name`
    pub name: Option<&'h str>,
}

impl<'h> Headers<'h> {
    /// Takes the three headers out of `map`. One that stands twice, or is not visible ASCII, is refused: what is before and
    /// what is behind us might each pick another.
    pub fn from_map(map: &'h HeaderMap) -> Result<Self, WireError> {
        Ok(Self {
            version: single(map, &header::PROTOCOL_VERSION, VERSION)?,
            method: single(map, &header::METHOD, METHOD)?,
            name: single(map, &header::NAME, NAME)?,
        })
    }
}

/// Says which era and revision `message` belongs to, or which rule it breaks.
///
/// The order of the checks is the specification's (2026-07-28, transports) and the conformance suite's: shape of the body,
/// era, `_meta`, version header against `_meta`, version served, `Mcp-Method` and `Mcp-Name` against the body. Whether the
/// method exists comes after, see [`require_method`]; `Mcp-Param-*` needs the tool's schema, see [`header::matches_body`].
pub fn classify(headers: &Headers<'_>, message: &Message<'_>) -> Result<Envelope, WireError> {
    let said = headers.version.map(header::trim_whitespace);
    if is_modern(said, message) {
        modern(said, headers, message).map(|version| Envelope { era: Era::Modern, version: Some(version) })
    } else {
        legacy(said).map(|version| Envelope { era: Era::Legacy, version })
    }
}

/// Says which era a request without a message belongs to (GET, DELETE), or a batch, by its version header alone.
pub fn classify_without_message(headers: &Headers<'_>) -> Result<Envelope, WireError> {
    let said = headers.version.map(header::trim_whitespace);
    match said {
        Some(text) if version::is_modern(text) => match ProtocolVersion::parse(text).filter(|version| version.is_modern()) {
            Some(version) => Ok(Envelope { era: Era::Modern, version: Some(version) }),
            None => Err(WireError::UnsupportedVersion { requested: Requested::new(text) }),
        },
        _ => legacy(said).map(|version| Envelope { era: Era::Legacy, version }),
    }
}

/// Refuses a method that the modern revisions removed (404, -32601). Legacy callers keep them all.
pub fn require_method(era: Era, method: &str) -> Result<(), WireError> {
    if era == Era::Modern && method::is_removed_in_modern(method) { Err(WireError::MethodNotFound) } else { Ok(()) }
}

fn is_modern(said: Option<&str>, message: &Message<'_>) -> bool {
    said.is_some_and(version::is_modern) || message.meta().is_some_and(Meta::has_protocol_version)
}

fn modern(said: Option<&str>, headers: &Headers<'_>, message: &Message<'_>) -> Result<ProtocolVersion, WireError> {
    let requested = match message.kind() {
        Kind::Request => checked_meta(message)?,
        // Core defines no client notification over HTTP and asks no `_meta` of one: the header may speak alone.
        Kind::Notification => message.meta().and_then(|meta| meta.protocol_version()).or(said).unwrap_or_default(),
        Kind::Response | Kind::ErrorResponse => return Err(WireError::NotARequest),
    };
    match said {
        None => return Err(fault(VERSION, HeaderFault::Missing)),
        Some(said) if said != requested => return Err(fault(VERSION, HeaderFault::Differs)),
        Some(_) => {}
    }
    let version = ProtocolVersion::parse(requested)
        .filter(|version| version.is_modern())
        .ok_or_else(|| WireError::UnsupportedVersion { requested: Requested::new(requested) })?;
    check_method(headers, message)?;
    check_name(headers, message)?;
    Ok(version)
}

/// The version in `_meta`, once everything that `_meta` must have is there.
fn checked_meta<'m>(message: &'m Message<'_>) -> Result<&'m str, WireError> {
    let meta = message.meta().ok_or(WireError::MissingMeta { member: "_meta" })?;
    let version = meta.protocol_version();
    let version = version.ok_or(WireError::MissingMeta { member: "io.modelcontextprotocol/protocolVersion" })?;
    if meta.client_capabilities().is_some_and(crate::raw::RawJson::is_object) {
        Ok(version)
    } else {
        Err(WireError::MissingMeta { member: "io.modelcontextprotocol/clientCapabilities" })
    }
}

fn check_method(headers: &Headers<'_>, message: &Message<'_>) -> Result<(), WireError> {
    match headers.method.map(header::trim_whitespace) {
        None if message.kind() == Kind::Request => Err(fault(METHOD, HeaderFault::Missing)),
        Some(said) if Some(said) != message.method() => Err(fault(METHOD, HeaderFault::Differs)),
        _ => Ok(()),
    }
}

fn check_name(headers: &Headers<'_>, message: &Message<'_>) -> Result<(), WireError> {
    let Some(named_by) = message.method().and_then(method::named_by) else {
        return Ok(());
    };
    let meant = message.params().and_then(|params| match named_by {
        NamedBy::Name => params.name(),
        NamedBy::TaskId => params.task_id(),
        NamedBy::Uri => params.uri(),
    });
    match (headers.name, meant) {
        // A body without the name has nothing to compare; `Message::action_target` refuses it.
        (None, None) => Ok(()),
        (None, Some(_)) => Err(fault(NAME, HeaderFault::Missing)),
        (Some(_), None) => Err(fault(NAME, HeaderFault::Differs)),
        (Some(said), Some(meant)) => match header::matches_text(said, meant) {
            Ok(true) => Ok(()),
            Ok(false) => Err(fault(NAME, HeaderFault::Differs)),
            Err(_) => Err(fault(NAME, HeaderFault::Undecodable)),
        },
    }
}

/// 2025-06-18, transports: an invalid or unsupported version header is 400; an absent one is for the caller to interpret.
fn legacy(said: Option<&str>) -> Result<Option<ProtocolVersion>, WireError> {
    let Some(said) = said else {
        return Ok(None);
    };
    let version = ProtocolVersion::parse(said).filter(|version| LEGACY.contains(version));
    version.map(Some).ok_or_else(|| WireError::LegacyVersion { requested: Requested::new(said) })
}

fn single<'h>(map: &'h HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<&'h str>, WireError> {
    let mut values = map.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(fault(shown, HeaderFault::Repeated));
    }
    let text = value.to_str().ok().filter(|text| text.len() <= header::MAX_VALUE_BYTES);
    text.map(Some).ok_or_else(|| fault(shown, HeaderFault::Undecodable))
}

fn fault(header: &'static str, fault: HeaderFault) -> WireError {
    WireError::Header { header, fault }
}

const VERSION: &str = "MCP-Protocol-Version";
const METHOD: &str = "Mcp-Method";
const NAME: &str = "Mcp-Name";
