//! How do we pretend? Fixture servers and helpers for tests; never published, never part of the product.

pub mod body;
pub mod fast;
pub mod fixture;
pub mod redis;
pub mod rmcp_client;
pub mod token_proxy;
pub mod vault;
