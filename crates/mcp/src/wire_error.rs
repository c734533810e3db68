//! How does a message that parses but breaks the rules of its revision get answered?

use crate::error_code::{self, error_response};
use crate::raw::RawJson;
use crate::version::{LEGACY, MODERN, ProtocolVersion};

/// One broken rule of the wire, with the code and status that the specification gives it. Safe to show to the caller.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WireError {
    /// A version header that is a date, and no legacy revision that we serve.
    #[error("this MCP-Protocol-Version is not served")]
    LegacyVersion {
        /// What the header said.
        requested: Requested,
    },
    /// A modern message without a member that every request must have in `_meta`.
    #[error("the request lacks _meta[\"{member}\"], or it has the wrong type")]
    MissingMeta {
        /// The key in `_meta`; `_meta` itself when all of it is missing.
        member: &'static str,
    },
    /// The method needs a member that is not there, or is not a string.
    #[error("params.{member} is missing or not a string")]
    MissingParam {
        /// The member of `params`.
        member: &'static str,
    },
    /// A header is missing, stands twice, cannot be decoded, or does not say what the body says.
    #[error("the header {header} {fault}")]
    Header {
        /// The header's name.
        header: &'static str,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// A method that the caller's revision does not have.
    #[error("no such method in this protocol version")]
    MethodNotFound,
    /// A response, or a batch, where the revision allows none.
    #[error("a client sends requests and notifications only in this protocol version, one at a time")]
    NotARequest,
    /// A modern revision that we do not serve.
    #[error("this protocol version is not served")]
    UnsupportedVersion {
        /// What `_meta` and the header asked for.
        requested: Requested,
    },
}

/// What can be wrong with a header that repeats the body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderFault {
    /// It says something else than the body.
    #[error("differs from the body")]
    Differs,
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It stands more than once.
    #[error("stands more than once")]
    Repeated,
    /// It is too long, holds bytes that a header must not, or a wrong encoding.
    #[error("cannot be decoded")]
    Undecodable,
}

/// A protocol version as a caller wrote it, cut to 64 characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requested(Box<str>);

impl Requested {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(MAX_REQUESTED).collect())
    }

    /// The version that was asked for.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WireError {
    /// The JSON-RPC error code.
    pub fn code(&self) -> i64 {
        match self {
            Self::LegacyVersion { .. } | Self::NotARequest => error_code::INVALID_REQUEST,
            Self::MissingMeta { .. } | Self::MissingParam { .. } => error_code::INVALID_PARAMS,
            Self::Header { .. } => error_code::HEADER_MISMATCH,
            Self::MethodNotFound => error_code::METHOD_NOT_FOUND,
            Self::UnsupportedVersion { .. } => error_code::UNSUPPORTED_PROTOCOL_VERSION,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            // The params of a method are the server's affair, whose answer to bad ones is a plain JSON-RPC error.
            Self::MissingParam { .. } => 200,
            Self::MethodNotFound => 404,
            _ => 400,
        }
    }

    /// The `data` of the error, as JSON.
    pub fn data(&self) -> Option<String> {
        match self {
            Self::UnsupportedVersion { requested } => Some(version_data(&MODERN, requested)),
            Self::LegacyVersion { requested } => Some(version_data(&LEGACY, requested)),
            _ => None,
        }
    }

    /// The whole JSON-RPC answer to the request of this `id`.
    pub fn response(&self, id: Option<RawJson<'_>>) -> Vec<u8> {
        error_response(id, self.code(), &self.to_string(), self.data().as_deref())
    }
}

fn version_data(supported: &[ProtocolVersion], requested: &Requested) -> String {
    let supported: Vec<&str> = supported.iter().map(|version| version.as_str()).collect();
    serde_json::json!({ "supported": supported, "requested": requested.as_str() }).to_string()
}

const MAX_REQUESTED: usize = 64;
