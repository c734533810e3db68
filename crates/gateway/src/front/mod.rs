//! Where do callers knock?

pub mod http;
