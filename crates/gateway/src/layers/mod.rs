//! The layers that a request passes, each in its own file; `crate::stack` puts them in order.

pub(crate) mod authenticate;
pub(crate) mod authorize;
pub(crate) mod body_limit;
pub(crate) mod host_guard;
pub(crate) mod media_types;
pub(crate) mod proofs;
pub(crate) mod rate_limit;
pub(crate) mod rescue;
pub(crate) mod session;
pub(crate) mod shown;
pub(crate) mod step_up;
