//! Whose is a task? The id that a caller sees is sealed for them and names the server; the server's own id is seen by nobody else (SEP-2663).

use bytes::Bytes;
use mcp::envelope::{Message, Meta};
use mcp::method;
use mcp::rename;
use mcp::splice::{Edit, splice};
use store::seal::{CannotSeal, InstanceKey, Sealer};

use crate::principal::PrincipalKey;

/// Seals and opens ids of tasks.
pub(crate) struct TaskIds {
    sealer: Sealer,
}

/// A caller's task, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The server that works on it.
    pub(crate) server: String,
    /// The server's own id.
    pub(crate) id: String,
}

impl TaskIds {
    pub(crate) fn new(key: &InstanceKey) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "task-id")? })
    }

    /// The id for a caller: the same one each time, because clients compare.
    pub(crate) fn seal(&self, server: &str, caller: &PrincipalKey, id: &str) -> Option<String> {
        let plain = serde_json::to_vec(&(server, id)).ok().filter(|_| id.len() <= LONGEST_ID)?;
        self.sealer.seal_alike(&plain, caller.as_str().as_bytes()).ok()
    }

    /// The task, if the id is one that this caller was given.
    pub(crate) fn open(&self, text: &str, caller: &PrincipalKey) -> Option<Task> {
        if text.len() > LONGEST_TEXT {
            return None;
        }
        let plain = self.sealer.open(text, caller.as_str().as_bytes()).ok()?;
        let (server, id) = serde_json::from_slice(&plain).ok()?;
        Some(Task { server, id })
    }
}

/// The tasks of one caller at one server.
#[derive(Clone, Copy)]
pub(crate) struct Tasks<'a> {
    pub(crate) ids: &'a TaskIds,
    pub(crate) server: &'a str,
    pub(crate) caller: &'a PrincipalKey,
}

/// A request about a task that is not this caller's at this server; there may be none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchTask;

impl Tasks<'_> {
    /// The message with the server's own ids in the places of the caller's; `None`: it names no task.
    pub(crate) fn inward(self, message: &Message<'_>) -> Result<Option<Bytes>, NoSuchTask> {
        let open = |id: &str| self.ids.open(id, self.caller).filter(|task| task.server == self.server).map(|task| task.id);
        let edits = match message.method() {
            Some(method) if is_about_task(method) => {
                let id = message.params().and_then(|params| params.task_id()).ok_or(NoSuchTask)?;
                Vec::from_iter(rename::target(message, &open(id).ok_or(NoSuchTask)?))
            }
            // Those that are not theirs are left out, as are those that the server does not know.
            Some(method::SUBSCRIPTIONS_LISTEN) => rename::watched_tasks(message, &open).map_err(|_| NoSuchTask)?,
            _ => return Ok(None),
        };
        Ok((!edits.is_empty()).then(|| splice(message.raw().as_bytes(), &edits).into()))
    }

    /// The edits of an answer, or of news, that give its tasks the ids that the caller knows. `None`: a task has an id that nobody could be given.
    /// `asked`: whether a task was asked about.
    pub(crate) fn outward(self, message: &Message<'_>, asked: bool) -> Option<Vec<Edit>> {
        let seal = |id: &str| self.ids.seal(self.server, self.caller, id);
        let Some(result) = message.result() else { return rename::task_of_notification(message, &seal).ok()? };
        let start = message.range_of(result)?.start;
        let edits = rename::task(result.as_str(), asked, &seal).ok()??;
        Some(edits.into_iter().map(|edit| edit.shifted(start)).collect())
    }
}

/// Whether a method is one of the extension's.
pub(crate) fn is_about_task(method: &str) -> bool {
    matches!(method, method::TASKS_CANCEL | method::TASKS_GET | method::TASKS_UPDATE)
}

/// Whether a modern client asks about a task without having declared that it knows them.
pub(crate) fn are_undeclared(message: &Message<'_>) -> bool {
    message.method().is_some_and(is_about_task) && !are_declared(message)
}

fn are_declared(message: &Message<'_>) -> bool {
    let declared = message.meta().and_then(Meta::client_capabilities);
    declared.is_some_and(|capabilities| capabilities.as_str().contains(EXTENSION))
}

/// Whether what comes back may name a task.
pub(crate) fn may_come_of(message: &Message<'_>) -> bool {
    match message.method() {
        Some(method::TOOLS_CALL) => are_declared(message),
        Some(method::SUBSCRIPTIONS_LISTEN) => true,
        method => method.is_some_and(is_about_task),
    }
}

/// What a client is told that it has to declare.
pub(crate) const REQUIRED: &str = r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#;
/// A server makes tasks for those alone who declare that they know them.
const EXTENSION: &str = "\"io.modelcontextprotocol/tasks\"";
const LONGEST_ID: usize = 1024;
const LONGEST_TEXT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> TaskIds {
        TaskIds::new(&InstanceKey::from_bytes(&[1; 32])).unwrap()
    }

    fn get(id: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{{"taskId":{id:?}}}}}"#)
    }

    #[test]
    fn an_id_is_good_for_its_caller_and_its_server_alone() {
        let (ids, alice, bob) = (ids(), PrincipalKey::new("i", "alice"), PrincipalKey::new("i", "bob"));
        let text = ids.seal("docs", &alice, "t-1").unwrap();
        assert_eq!(ids.open(&text, &alice), Some(Task { server: "docs".to_owned(), id: "t-1".to_owned() }));
        assert_eq!(ids.open(&text, &bob), None);
        assert_eq!(ids.open("t-1", &alice), None, "the server's own id opens nothing");
        assert_eq!(ids.open(&"x".repeat(LONGEST_TEXT + 1), &alice), None);
        assert_eq!(ids.seal("docs", &alice, &"x".repeat(LONGEST_ID + 1)), None);
        let asked = get(&text);
        let asked = Message::parse(asked.as_bytes()).unwrap();
        let inward = |server, caller| Tasks { ids: &ids, server, caller }.inward(&asked);
        assert_eq!(inward("docs", &alice), Ok(Some(get("t-1").into())));
        assert_eq!(inward("mail", &alice), Err(NoSuchTask));
        assert_eq!(inward("docs", &bob), Err(NoSuchTask));
    }

    #[test]
    fn there_and_back_again_an_id_is_the_same() {
        let (ids, alice) = (ids(), PrincipalKey::new("i", "alice"));
        let tasks = Tasks { ids: &ids, server: "docs", caller: &alice };
        let made = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t-1","status":"working"}}"#;
        let edits = tasks.outward(&Message::parse(made.as_bytes()).unwrap(), false).unwrap();
        let told = String::from_utf8(splice(made.as_bytes(), &edits)).unwrap();
        let sealed = ids.seal("docs", &alice, "t-1").unwrap();
        assert_eq!(told, made.replace("t-1", &sealed));
        let asked = get(&sealed);
        assert_eq!(tasks.inward(&Message::parse(asked.as_bytes()).unwrap()), Ok(Some(get("t-1").into())));
    }
}
