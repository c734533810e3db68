//! What does the caller want to do? One value names it, taken from the body of the message, never from a header.

/// One thing a caller may be allowed or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// A method without a target of its own, such as `tools/list`.
    Method(&'a str),
    /// `prompts/get`, or a completion for a prompt's argument.
    Prompt(&'a str),
    /// `resources/read`, `resources/subscribe` and their kin: the resource's URI.
    Resource(&'a str),
    /// `tools/call`: the tool's name.
    Tool(&'a str),
}

impl<'a> Action<'a> {
    /// The name that patterns are matched against.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Method(name) | Self::Prompt(name) | Self::Resource(name) | Self::Tool(name) => name,
        }
    }
}
