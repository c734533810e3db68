//! How are server-sent events read and written (WHATWG HTML, §9.2)?
//!
//! Frames may be cut anywhere between reads: the events do not depend on where. Nothing is kept beyond one event.

/// One event: the fields of one block of lines. A block with comments alone is no event.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Event {
    /// The event's type; absent means `message`.
    pub event: Option<String>,
    /// The id to resume after. Absent leaves the last one as it is.
    pub id: Option<String>,
    /// The data, lines joined by line feeds. Absent when no `data` field stood in the block (an event that only sets an id).
    pub data: Option<String>,
    /// How long to wait before reconnecting, in milliseconds.
    pub retry: Option<u64>,
}

impl Event {
    /// A `message` event that carries `data`.
    pub fn message(data: impl Into<String>) -> Self {
        Self { event: Some("message".to_owned()), data: Some(data.into()), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.event.is_none() && self.id.is_none() && self.data.is_none() && self.retry.is_none()
    }
}

/// Why a stream cannot be read on. After one of these the decoder is to be dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SseError {
    /// A line that is not UTF-8.
    #[error("the event stream is not UTF-8")]
    NotUtf8,
    /// One event over the cap.
    #[error("an event of the stream is over {limit} bytes")]
    TooLarge {
        /// The cap in bytes.
        limit: usize,
    },
}

/// Reads an event stream in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    line: Vec<u8>,
    event: Event,
    size: usize,
    started: bool,
    after_carriage_return: bool,
    over_the_cap: OverTheCap,
    /// Within an event that is passed over: whether its last line so far has text.
    skipping: Option<bool>,
}

/// What becomes of an event over the cap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OverTheCap {
    PassOver,
    Refuse,
}

impl Decoder {
    /// A decoder for events of at most `limit` bytes each, field names, comments and line ends included.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            event: Event::default(),
            size: 0,
            started: false,
            after_carriage_return: false,
            over_the_cap: OverTheCap::Refuse,
            skipping: None,
        }
    }

    /// A decoder that leaves out events over `limit` bytes, and reads on behind them.
    pub fn passing_over(limit: usize) -> Self {
        Self { over_the_cap: OverTheCap::PassOver, ..Self::new(limit) }
    }

    /// Reads `chunk` and adds the events that it completes to `events`. Those added before an error are good.
    pub fn decode(&mut self, chunk: &[u8], events: &mut Vec<Event>) -> Result<(), SseError> {
        let mut rest = chunk;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_carriage_return) && rest.first() == Some(&b'\n') {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r');
            let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
            self.grow(text)?;
            let Some((&line_end, after)) = after.split_first() else {
                return Ok(());
            };
            self.after_carriage_return = line_end == b'\r';
            self.end_line(events)?;
            rest = after;
        }
        Ok(())
    }

    /// How many bytes of an event that is not complete are held back.
    pub fn pending(&self) -> usize {
        self.size
    }

    fn grow(&mut self, text: &[u8]) -> Result<(), SseError> {
        if let Some(has_text) = &mut self.skipping {
            *has_text |= !text.is_empty();
            return Ok(());
        }
        self.size = self.size.saturating_add(text.len());
        if self.size <= self.limit {
            self.line.extend_from_slice(text);
            return Ok(());
        }
        match self.over_the_cap {
            OverTheCap::PassOver => {
                self.skipping = Some(!self.line.is_empty() || !text.is_empty());
                (self.line, self.event, self.size) = (Vec::new(), Event::default(), 0);
                Ok(())
            }
            OverTheCap::Refuse => Err(SseError::TooLarge { limit: self.limit }),
        }
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), SseError> {
        if let Some(has_text) = self.skipping {
            // An empty line ends the event.
            self.skipping = has_text.then_some(false);
            self.started = true;
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let text = std::str::from_utf8(&line).map_err(|_| SseError::NotUtf8)?;
        let text = if std::mem::replace(&mut self.started, true) { text } else { text.strip_prefix('\u{feff}').unwrap_or(text) };
        if text.is_empty() {
            self.size = 0;
            let event = std::mem::take(&mut self.event);
            if !event.is_empty() {
                events.push(event);
            }
        } else {
            self.size = self.size.saturating_add(1);
            self.take_field(text);
        }
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn take_field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => match &mut self.event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.event.data = Some(value.to_owned()),
            },
            "event" => self.event.event = Some(value.to_owned()),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.event.retry = value.parse().ok();
            }
            // An empty name is a comment; unknown names are ignored.
            _ => {}
        }
    }
}

/// `event` as one frame. Line breaks of any kind in the data become line feeds; in type and id they are left out.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut frame = Vec::with_capacity(64 + event.data.as_ref().map_or(0, String::len));
    if let Some(id) = &event.id {
        push_field(&mut frame, "id: ", &one_line(id));
    }
    if let Some(kind) = &event.event {
        push_field(&mut frame, "event: ", &one_line(kind));
    }
    if let Some(milliseconds) = event.retry {
        push_field(&mut frame, "retry: ", &milliseconds.to_string());
    }
    if let Some(data) = &event.data {
        for line in lines(data) {
            push_field(&mut frame, "data: ", line);
        }
    }
    frame.push(b'\n');
    frame
}

/// A comment frame: keeps a quiet stream open and says nothing.
pub fn comment() -> &'static [u8] {
    b":\n\n"
}

fn push_field(frame: &mut Vec<u8>, name: &str, value: &str) {
    frame.extend_from_slice(name.as_bytes());
    frame.extend_from_slice(value.as_bytes());
    frame.push(b'\n');
}

fn one_line(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, '\n' | '\r' | '\0')).collect()
}

/// The lines of `text`, of which there is at least one; CRLF, LF and CR each end one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        let Some(end) = current.find(['\n', '\r']) else {
            return rest.take();
        };
        let (line, after) = current.split_at(end);
        rest = after.strip_prefix("\r\n").or_else(|| after.get(1..));
        Some(line)
    })
}

#[cfg(test)]
mod tests;
