//! What does a message act on, in the terms that authorization decides by?

use super::Message;
use crate::method;
use crate::wire_error::WireError;

/// The one thing that a message acts on. Decoded text: it is what the server behind will read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target<'m> {
    /// Nothing of its own: a list, a ping, a response.
    None,
    /// The prompt of this name.
    Prompt(&'m str),
    /// The resource, or resource template, of this URI.
    Resource(&'m str),
    /// The task of this id.
    Task(&'m str),
    /// The tool of this name.
    Tool(&'m str),
}

impl<'m> Target<'m> {
    /// The name, URI or id, if there is one.
    pub fn as_str(self) -> Option<&'m str> {
        match self {
            Self::None => None,
            Self::Prompt(text) | Self::Resource(text) | Self::Task(text) | Self::Tool(text) => Some(text),
        }
    }
}

impl Message<'_> {
    /// What the message acts on, from its method and params alone; the headers have no say.
    ///
    /// A method that needs a name, URI or task id and lacks it (or has something else than a string there) is
    /// [`WireError::MissingParam`]: no server could act on it, and none shall guess.
    pub fn action_target(&self) -> Result<Target<'_>, WireError> {
        let Some(called) = self.method() else {
            return Ok(Target::None);
        };
        let params = self.params();
        let missing = |member| WireError::MissingParam { member };
        Ok(match called {
            method::TOOLS_CALL => Target::Tool(params.and_then(|params| params.name()).ok_or(missing("name"))?),
            method::PROMPTS_GET => Target::Prompt(params.and_then(|params| params.name()).ok_or(missing("name"))?),
            method::RESOURCES_READ | method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE => {
                Target::Resource(params.and_then(|params| params.uri()).ok_or(missing("uri"))?)
            }
            method::TASKS_GET | method::TASKS_UPDATE | method::TASKS_CANCEL | method::TASKS_RESULT => {
                Target::Task(params.and_then(|params| params.task_id()).ok_or(missing("taskId"))?)
            }
            method::COMPLETION_COMPLETE => self.completed()?,
            _ => Target::None,
        })
    }

    fn completed(&self) -> Result<Target<'_>, WireError> {
        let reference = self.params().and_then(|params| params.reference()).ok_or(WireError::MissingParam { member: "ref" })?;
        match reference.kind() {
            Some("ref/prompt") => reference.name().map(Target::Prompt).ok_or(WireError::MissingParam { member: "ref.name" }),
            Some("ref/resource") => reference.uri().map(Target::Resource).ok_or(WireError::MissingParam { member: "ref.uri" }),
            _ => Err(WireError::MissingParam { member: "ref.type" }),
        }
    }
}
