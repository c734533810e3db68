//! Are the events of a stream the same however it is cut, and those that the standard says?
//!
//! The input is a stream; its first byte, read as a number, also says how long the pieces of the third reading are.

#![no_main]

use claviger_fuzz::stream;
use libfuzzer_sys::fuzz_target;
use mcp::sse::{Decoder, Event, SseError, encode};

fuzz_target!(|input: &[u8]| {
    for limit in [SMALL_LIMIT, NO_LIMIT] {
        let whole = decode(input, input.len(), limit);
        assert_eq!(decode(input, 1, limit), whole, "byte by byte");
        let piece = usize::from(input.first().copied().unwrap_or_default() % 32) + 2;
        assert_eq!(decode(input, piece, limit), whole, "in pieces of {piece}");
    }
    let (events, end) = decode(input, input.len(), NO_LIMIT);
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(end.is_ok());
        assert_eq!(events, stream::events(text));
    }
    events.into_iter().for_each(check_round_trip);
});

type Decoded = (Vec<Event>, Result<usize, SseError>);

/// The events, and how many bytes are left over or why it ended.
fn decode(stream: &[u8], piece: usize, limit: usize) -> Decoded {
    let mut decoder = Decoder::new(limit);
    let mut events = Vec::new();
    let end = stream.chunks(piece.max(1)).try_for_each(|chunk| decoder.decode(chunk, &mut events));
    (events, end.map(|()| decoder.pending()))
}

fn check_round_trip(event: Event) {
    let frame = encode(&event);
    let (again, end) = decode(&frame, frame.len(), NO_LIMIT);
    // A type with a NUL loses it on the way.
    let written = Event { event: event.event.map(|kind| kind.replace('\0', "")), ..event };
    assert_eq!((again, end), (vec![written], Ok(0)));
}

const SMALL_LIMIT: usize = 64;
const NO_LIMIT: usize = usize::MAX;
