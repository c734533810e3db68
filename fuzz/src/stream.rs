//! Which events are in a whole event stream, by the letter of the standard? (WHATWG HTML §9.2.6)
//!
//! Written for plainness: the stream is one text, and every line is looked at once.

use mcp::sse::Event;

/// The events of `stream`. What stands after the last empty line is no event yet.
pub fn events(stream: &str) -> Vec<Event> {
    let text = stream.strip_prefix('\u{feff}').unwrap_or(stream).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // The last piece has no line end.
    lines.pop();
    let mut events = Vec::new();
    let mut event = Event::default();
    for line in lines {
        if line.is_empty() {
            let complete = std::mem::take(&mut event);
            events.extend((complete != Event::default()).then_some(complete));
        } else {
            take(&mut event, line);
        }
    }
    events
}

fn take(event: &mut Event, line: &str) {
    let (field, value) = match line.find(':') {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, ""),
    };
    let value = value.strip_prefix(' ').unwrap_or(value);
    match field {
        "event" => event.event = Some(value.to_owned()),
        "data" => event.data = Some(event.data.take().map_or(value.to_owned(), |before| format!("{before}\n{value}"))),
        "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
        "retry" if !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit()) => event.retry = value.parse().ok(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use mcp::sse::Event;

    use super::events;

    #[test]
    fn events_end_with_an_empty_line() {
        let read = events("\u{feff}: comment\r\nid: 7\rdata: a\ndata:b\n\nretry: 5\n\n\ndata: not yet\n");
        let first = Event { id: Some("7".into()), data: Some("a\nb".into()), ..Event::default() };
        let second = Event { retry: Some(5), ..Event::default() };
        assert_eq!(read, [first, second]);
    }
}
