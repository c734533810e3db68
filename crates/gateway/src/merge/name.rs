//! What is a thing of one server called where several are one? `<server>__<name>`, and `claviger://<server>/<uri>`.

/// The name under which a tool or a prompt of a member goes.
pub(super) fn of_member(server: &str, name: &str) -> String {
    format!("{server}{BETWEEN}{name}")
}

/// Member and name. No member's name holds what stands between the two, or ends with half of it, so there is one way to read this.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    name.split_once(BETWEEN).filter(|(server, name)| !server.is_empty() && !name.is_empty())
}

/// The URI under which a resource of a member goes. The member's own stands in it as it is.
pub(super) fn uri_of_member(server: &str, uri: &str) -> String {
    format!("{SCHEME}{server}/{uri}")
}

/// Member and URI.
pub(super) fn split_uri(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix(SCHEME)?.split_once('/').filter(|(server, uri)| !server.is_empty() && !uri.is_empty())
}

/// Whether clients take it as a tool's name (2025-11-25, tool names).
pub(super) fn is_for_a_tool(name: &str) -> bool {
    is_for_a_prompt(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// Whether it is as short as clients expect.
pub(super) fn is_for_a_prompt(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST
}

const BETWEEN: &str = "__";
const SCHEME: &str = "claviger://";
/// In characters.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_one_way() {
        assert_eq!(split("files__read"), Some(("files", "read")));
        assert_eq!(split("files__read__twice"), Some(("files", "read__twice")), "the first two underscores count");
        assert_eq!(split("files___read"), Some(("files", "_read")), "a tool's name may begin with one");
        for name in ["files", "files_read", "__read", "files__", "", "__"] {
            assert_eq!(split(name), None, "{name}");
        }
    }

    #[test]
    fn a_uri_is_read_in_one_way() {
        assert_eq!(split_uri("claviger://files/file:///a/b"), Some(("files", "file:///a/b")));
        assert_eq!(split_uri("claviger://files/claviger://mail/x"), Some(("files", "claviger://mail/x")));
        for uri in ["file:///a", "claviger://files", "claviger://files/", "claviger:///x", "CLAVIGER://files/x", ""] {
            assert_eq!(split_uri(uri), None, "{uri}");
        }
    }

    #[test]
    fn names_that_clients_would_not_take_are_known() {
        assert!(is_for_a_tool("files__read.all-1"));
        assert!(!is_for_a_tool("files__read all") && !is_for_a_tool("files__l\u{e4}s") && !is_for_a_tool("files__a/b"));
        assert!(is_for_a_prompt("files__read all") && is_for_a_prompt(&"x".repeat(128)));
        assert!(!is_for_a_prompt(&"x".repeat(129)) && !is_for_a_tool(&"x".repeat(129)));
    }

    #[test]
    fn what_was_put_together_comes_apart_again() {
        for server in ["files", "a", "_a", "a.b-c", "a_b_c", "9"] {
            for name in ["read", "_read", "__read", "read__", "a__b", "claviger://x/y", "with space", "\u{e9}"] {
                assert_eq!(split(&of_member(server, name)), Some((server, name)));
                assert_eq!(split_uri(&uri_of_member(server, name)), Some((server, name)));
            }
        }
    }
}
