//! Which methods does MCP name, and what do the rules say of each?

/// `completion/complete`
pub const COMPLETION_COMPLETE: &str = "completion/complete";
/// `elicitation/create`, from server to client
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// `initialize`
pub const INITIALIZE: &str = "initialize";
/// `logging/setLevel`
pub const LOGGING_SET_LEVEL: &str = "logging/setLevel";
/// `notifications/cancelled`
pub const NOTIFICATIONS_CANCELLED: &str = "notifications/cancelled";
/// `notifications/initialized`
pub const NOTIFICATIONS_INITIALIZED: &str = "notifications/initialized";
/// `notifications/message`, a log message
pub const NOTIFICATIONS_MESSAGE: &str = "notifications/message";
/// `notifications/progress`
pub const NOTIFICATIONS_PROGRESS: &str = "notifications/progress";
/// `notifications/prompts/list_changed`
pub const NOTIFICATIONS_PROMPTS_LIST_CHANGED: &str = "notifications/prompts/list_changed";
/// `notifications/resources/list_changed`
pub const NOTIFICATIONS_RESOURCES_LIST_CHANGED: &str = "notifications/resources/list_changed";
/// `notifications/resources/updated`
pub const NOTIFICATIONS_RESOURCES_UPDATED: &str = "notifications/resources/updated";
/// `notifications/roots/list_changed`
pub const NOTIFICATIONS_ROOTS_LIST_CHANGED: &str = "notifications/roots/list_changed";
/// `notifications/subscriptions/acknowledged`
pub const NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// `notifications/tasks`, of the tasks extension
pub const NOTIFICATIONS_TASKS: &str = "notifications/tasks";
/// `notifications/tasks/status`, of 2025-11-25
pub const NOTIFICATIONS_TASKS_STATUS: &str = "notifications/tasks/status";
/// `notifications/tools/list_changed`
pub const NOTIFICATIONS_TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
/// `ping`
pub const PING: &str = "ping";
/// `prompts/get`
pub const PROMPTS_GET: &str = "prompts/get";
/// `prompts/list`
pub const PROMPTS_LIST: &str = "prompts/list";
/// `resources/list`
pub const RESOURCES_LIST: &str = "resources/list";
/// `resources/read`
pub const RESOURCES_READ: &str = "resources/read";
/// `resources/subscribe`
pub const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
/// `resources/templates/list`
pub const RESOURCES_TEMPLATES_LIST: &str = "resources/templates/list";
/// `resources/unsubscribe`
pub const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";
/// `roots/list`, from server to client
pub const ROOTS_LIST: &str = "roots/list";
/// `sampling/createMessage`, from server to client
pub const SAMPLING_CREATE_MESSAGE: &str = "sampling/createMessage";
/// `server/discover`
pub const SERVER_DISCOVER: &str = "server/discover";
/// `subscriptions/listen`
pub const SUBSCRIPTIONS_LISTEN: &str = "subscriptions/listen";
/// `tasks/cancel`
pub const TASKS_CANCEL: &str = "tasks/cancel";
/// `tasks/get`
pub const TASKS_GET: &str = "tasks/get";
/// `tasks/list`, of 2025-11-25
pub const TASKS_LIST: &str = "tasks/list";
/// `tasks/result`, of 2025-11-25
pub const TASKS_RESULT: &str = "tasks/result";
/// `tasks/update`, of the tasks extension
pub const TASKS_UPDATE: &str = "tasks/update";
/// `tools/call`
pub const TOOLS_CALL: &str = "tools/call";
/// `tools/list`
pub const TOOLS_LIST: &str = "tools/list";

/// Whether a method of the legacy revisions is gone from 2026-07-28, so that a modern call of it is 404 and -32601.
pub fn is_removed_in_modern(method: &str) -> bool {
    matches!(
        method,
        INITIALIZE
            | LOGGING_SET_LEVEL
            | NOTIFICATIONS_INITIALIZED
            | NOTIFICATIONS_ROOTS_LIST_CHANGED
            | PING
            | RESOURCES_SUBSCRIBE
            | RESOURCES_UNSUBSCRIBE
            | TASKS_LIST
            | TASKS_RESULT
    )
}

/// Whether a client asks this of a server and expects an answer, in any revision. `notifications/…` and unknown methods are not.
pub fn is_client_request(method: &str) -> bool {
    matches!(
        method,
        COMPLETION_COMPLETE
            | INITIALIZE
            | LOGGING_SET_LEVEL
            | PING
            | PROMPTS_GET
            | PROMPTS_LIST
            | RESOURCES_LIST
            | RESOURCES_READ
            | RESOURCES_SUBSCRIBE
            | RESOURCES_TEMPLATES_LIST
            | RESOURCES_UNSUBSCRIBE
            | SERVER_DISCOVER
            | SUBSCRIPTIONS_LISTEN
            | TASKS_CANCEL
            | TASKS_GET
            | TASKS_LIST
            | TASKS_RESULT
            | TASKS_UPDATE
            | TOOLS_CALL
            | TOOLS_LIST
    )
}

/// Whether the method is a notification by its name.
pub fn is_notification(method: &str) -> bool {
    method.starts_with("notifications/")
}

/// Whether the result of the method carries `ttlMs` and `cacheScope` in 2026-07-28 (SEP-2549).
pub fn is_cacheable(method: &str) -> bool {
    matches!(method, PROMPTS_LIST | RESOURCES_LIST | RESOURCES_READ | RESOURCES_TEMPLATES_LIST | SERVER_DISCOVER | TOOLS_LIST)
}

/// Which member of `params` the header `Mcp-Name` repeats (2026-07-28, transports; SEP-2663 for tasks).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NamedBy {
    /// `params.name`
    Name,
    /// `params.taskId`
    TaskId,
    /// `params.uri`
    Uri,
}

/// What `Mcp-Name` repeats for `method`; None when the method needs no such header.
pub fn named_by(method: &str) -> Option<NamedBy> {
    match method {
        PROMPTS_GET | TOOLS_CALL => Some(NamedBy::Name),
        RESOURCES_READ => Some(NamedBy::Uri),
        TASKS_CANCEL | TASKS_GET | TASKS_UPDATE => Some(NamedBy::TaskId),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_sessions_are_gone_from_modern() {
        for method in [INITIALIZE, PING, LOGGING_SET_LEVEL, RESOURCES_SUBSCRIBE, RESOURCES_UNSUBSCRIBE] {
            assert!(is_removed_in_modern(method), "{method}");
        }
        assert!(!is_removed_in_modern(SERVER_DISCOVER));
    }

    #[test]
    fn no_notification_is_a_request() {
        for method in [NOTIFICATIONS_CANCELLED, NOTIFICATIONS_INITIALIZED, NOTIFICATIONS_PROGRESS] {
            assert!(is_notification(method) && !is_client_request(method), "{method}");
        }
    }

    #[test]
    fn every_named_method_is_a_request() {
        for method in [TOOLS_CALL, PROMPTS_GET, RESOURCES_READ, TASKS_GET, TASKS_UPDATE, TASKS_CANCEL] {
            assert!(named_by(method).is_some() && is_client_request(method), "{method}");
        }
        assert_eq!(named_by(TOOLS_LIST), None);
    }
}
