//! What has an event stream told so far, as far as the record asks: an answer, an error? Events may be cut anywhere between pieces; of what
//! is passed on only the beginning of one short event is kept.

use std::sync::LazyLock;

use mcp::envelope::Message;
use mcp::sse;
use memchr::memmem::Finder;

/// What was heard of one stream.
pub(crate) struct Told {
    /// Events too long to be errors are passed over. `None` once the stream is none that could be read.
    events: Option<sse::Decoder>,
    /// The last bytes, in which the member of a result may begin.
    seam: Vec<u8>,
    answered: bool,
    failed: bool,
}

impl Told {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { events: Some(sse::Decoder::passing_over(ERRORS_ARE_SHORT)), seam: Vec::new(), answered: false, failed: false }
    }

    /// Listens to the next piece.
    pub(crate) fn hear(&mut self, piece: &[u8]) {
        if !self.failed {
            self.hear_errors(piece);
        }
        if !self.answered {
            self.hear_results(piece);
        }
    }

    /// Listens to the end: the last event may lack its own.
    pub(crate) fn hear_the_end(&mut self) {
        self.hear(b"\n\n");
    }

    /// Whether a result came by.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered
    }

    /// Whether a JSON-RPC error came by.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    fn hear_errors(&mut self, piece: &[u8]) {
        let Some(decoder) = &mut self.events else { return };
        let mut events = Vec::new();
        let is_readable = decoder.decode(piece, &mut events).is_ok();
        self.failed = events.iter().filter_map(|event| event.data.as_deref()).any(|data| is_error(data.as_bytes()));
        if !is_readable {
            self.events = None;
        }
    }

    /// A result may be long, and its member anywhere in it.
    fn hear_results(&mut self, piece: &[u8]) {
        let overlap = RESULT_MEMBER.len() - 1;
        self.seam.extend_from_slice(piece.get(..overlap).unwrap_or(piece));
        self.answered = contains(&self.seam, &RESULT) || contains(piece, &RESULT);
        match piece.len().checked_sub(overlap).and_then(|start| piece.get(start..)) {
            Some(end) => self.seam = end.to_vec(),
            None => drop(self.seam.drain(..self.seam.len().saturating_sub(overlap))),
        }
    }
}

/// Whether a message is a JSON-RPC error. Only what speaks of one is looked at closely.
pub(crate) fn is_error(message: &[u8]) -> bool {
    message.len() < ERRORS_ARE_SHORT
        && contains(message, &ERROR)
        && Message::parse(message.trim_ascii()).is_ok_and(|message| message.error().is_some())
}

fn contains(text: &[u8], member: &LazyLock<Finder<'static>>) -> bool {
    member.find(text).is_some()
}

const RESULT_MEMBER: &[u8] = b"\"result\"";
// To prepare a search costs as much as to search a short answer.
static RESULT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(RESULT_MEMBER));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
const ERRORS_ARE_SHORT: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::{ERRORS_ARE_SHORT, Told};

    const ERROR: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"broken"}}"#;
    const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"text":"an \"error\": none"}}"#;
    const NEWS: &str = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";

    /// Answered and failed, after pieces of this size.
    fn heard(stream: &str, size: usize) -> (bool, bool) {
        let mut told = Told::new();
        stream.as_bytes().chunks(size).for_each(|piece| told.hear(piece));
        told.hear_the_end();
        (told.has_answered(), told.has_failed())
    }

    #[test]
    fn an_error_and_a_result_are_heard_wherever_the_stream_is_cut() {
        let padding = "x".repeat(3 * ERRORS_ARE_SHORT);
        let long = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{{\"p\":\"{padding}\"}}}}\n\n");
        let lines = ERROR.replace(",\"error\"", ",\ndata:\"error\"");
        for (stream, expected) in [
            (format!("{NEWS}data: {ERROR}\n\n"), (false, true)),
            (format!("{NEWS}data: {ERROR}\r\n\r\n"), (false, true)),
            (format!("{long}data: {ERROR}\n\n"), (false, true)),
            (format!("id: 7\ndata: {lines}\n\n"), (false, true)),
            (format!("data: {ERROR}"), (false, true)),
            (format!("{NEWS}data: {RESULT}\n\n"), (true, false)),
            (format!("{long}data: {RESULT}\n\n"), (true, false)),
            (format!("{NEWS}: \"error\"\n\ndata: no \"error\" in JSON\n\n"), (false, false)),
        ] {
            for size in (1..40).chain([ERRORS_ARE_SHORT, stream.len()]) {
                assert_eq!(heard(&stream, size), expected, "pieces of {size} bytes of {stream:.90}");
            }
        }
    }

    #[test]
    fn an_answer_of_any_length_leaves_little_behind() {
        let mut told = Told::new();
        told.hear(b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"params\":\"");
        for _ in 0..1000 {
            told.hear(&[b'x'; 1000]);
        }
        assert!(told.seam.capacity() < 100);
        assert_eq!(told.events.as_ref().unwrap().pending(), 0);
        told.hear(b"\",\"result\":{}}\n\n");
        assert!(told.has_answered() && !told.has_failed());
    }

    #[test]
    fn what_is_no_text_is_heard_no_further() {
        let mut told = Told::new();
        told.hear(b"data: \xff\n\n");
        told.hear(format!("data: {ERROR}\n\n").as_bytes());
        assert!(!told.has_failed(), "no client reads on either");
    }
}
