//! What does MCP say? Envelope, headers, versions, eras, event streams.
