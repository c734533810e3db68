//! Which error codes mean something in one era only, and what are they in the other?

use crate::entries::entries;
use crate::envelope::ErrorObject;
use crate::error_code::{
    HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, MISSING_CLIENT_CAPABILITY, RESOURCE_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION, URL_ELICITATION_REQUIRED,
};
use crate::method;
use crate::raw::RawJson;

/// The code of a legacy server's error for a modern client; None where it stays.
///
/// -32020 to -32022 were free for a server to use. A modern client would take them for what they mean now.
pub(super) fn for_modern(code: i64) -> Option<i64> {
    match code {
        RESOURCE_NOT_FOUND => Some(INVALID_PARAMS),
        URL_ELICITATION_REQUIRED => Some(INVALID_REQUEST),
        HEADER_MISMATCH | MISSING_CLIENT_CAPABILITY | UNSUPPORTED_PROTOCOL_VERSION => Some(INTERNAL_ERROR),
        _ => None,
    }
}

/// The code of a modern server's error for a legacy client; None where it stays.
///
/// The headers and the revision are between us and the server, so that a fault of theirs is not the client's.
pub(super) fn for_legacy(error: &ErrorObject<'_>, method: &str) -> Option<i64> {
    match error.code() {
        HEADER_MISMATCH | UNSUPPORTED_PROTOCOL_VERSION => Some(INTERNAL_ERROR),
        MISSING_CLIENT_CAPABILITY => Some(INVALID_REQUEST),
        INVALID_PARAMS if method == method::RESOURCES_READ && names_a_resource(error.data()) => Some(RESOURCE_NOT_FOUND),
        _ => None,
    }
}

/// 2026-07-28, resources, error handling: `data.uri` is the resource that is not there.
fn names_a_resource(data: Option<RawJson<'_>>) -> bool {
    let members = data.and_then(|data| entries(data.as_str())).unwrap_or_default();
    members.iter().any(|(name, value)| name == "uri" && value.is_string())
}
