//! Events do not depend on where the bytes are cut, and what is written reads back.

use proptest::prelude::*;

use super::{Decoder, Event, SseError, comment, encode};

const LIMIT: usize = 4096;

fn decode(chunks: &[&[u8]]) -> Result<Vec<Event>, SseError> {
    let mut decoder = Decoder::new(LIMIT);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.decode(chunk, &mut events)?;
    }
    Ok(events)
}

fn data(text: &str) -> Event {
    Event { data: Some(text.to_owned()), ..Event::default() }
}

#[test]
fn every_field_is_read() {
    let events = decode(&[b"id: 7\nevent: message\nretry: 1500\ndata: one\ndata:two\ndata\n\n"]).unwrap();
    let expected = Event { event: Some("message".into()), id: Some("7".into()), data: Some("one\ntwo\n".into()), retry: Some(1500) };
    assert_eq!(events, [expected]);
}

#[test]
fn all_three_line_ends_and_a_byte_order_mark_are_understood() {
    for stream in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r", "\u{feff}data: a\n\ndata: b\r\n\n"]
    {
        assert_eq!(decode(&[stream.as_bytes()]).unwrap(), [data("a"), data("b")], "{stream:?}");
    }
}

#[test]
fn an_event_with_an_id_and_empty_data_is_kept() {
    let primer = Event { id: Some("1".into()), data: Some(String::new()), ..Event::default() };
    assert_eq!(decode(&[b"id: 1\ndata:\n\n"]).unwrap(), [primer]);
    let only_id = Event { id: Some("1".into()), ..Event::default() };
    assert_eq!(decode(&[b"id:1\n\n"]).unwrap(), [only_id]);
}

#[test]
fn comments_unknown_fields_and_bad_values_are_passed_over() {
    assert!(decode(&[b": keep alive\n\n", comment(), b"\n\nwhat: x\n\nretry: 1x\n\nid: a\0\n\n"]).unwrap().is_empty());
}

#[test]
fn an_event_that_is_not_ended_is_not_given() {
    assert!(decode(&[b"data: a\n"]).unwrap().is_empty());
}

#[test]
fn one_event_over_the_cap_is_refused_and_many_small_ones_are_not() {
    let mut decoder = Decoder::new(20);
    let mut events = Vec::new();
    for _ in 0..100 {
        decoder.decode(b"data: 0123456789\n\n", &mut events).unwrap();
    }
    assert_eq!((events.len(), decoder.pending()), (100, 0));
    let refused = decoder.decode(b"data: a\n\ndata: 01234567890123456789", &mut events);
    assert_eq!((refused, events.len()), (Err(SseError::TooLarge { limit: 20 }), 101));
    let mut lines = Decoder::new(20);
    assert_eq!(lines.decode(&b":\n".repeat(30), &mut events), Err(SseError::TooLarge { limit: 20 }));
}

#[test]
fn events_over_the_cap_are_passed_over_wherever_the_stream_is_cut() {
    let long = "x".repeat(40);
    for line_end in ["\n", "\r\n", "\r"] {
        let stream =
            format!("data: a\n\ndata: {long}\ndata: {long}\n\ndata: b\n\n{}\ndata: c\n\n", ":\n".repeat(30)).replace('\n', line_end);
        for size in 1..=stream.len() {
            let mut decoder = Decoder::passing_over(20);
            let mut events = Vec::new();
            stream.as_bytes().chunks(size).for_each(|chunk| decoder.decode(chunk, &mut events).unwrap());
            assert_eq!(events, [data("a"), data("b"), data("c")], "{line_end:?} in pieces of {size}");
            assert_eq!(decoder.pending(), 0);
        }
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    assert_eq!(decode(&[b"data: \xff\n\n"]), Err(SseError::NotUtf8));
}

#[test]
fn a_line_break_cannot_be_smuggled_into_a_field() {
    let event = Event { event: Some("a\nid: 9".into()), id: Some("1\r2".into()), data: Some("x\r\n\nid: 3".into()), retry: None };
    assert_eq!(encode(&event), b"id: 12\nevent: aid: 9\ndata: x\ndata: \ndata: id: 3\n\n");
    assert_eq!(encode(&Event::message("{}")), b"event: message\ndata: {}\n\n");
}

fn any_event() -> impl Strategy<Value = Event> {
    let line = "[^\r\n\0]{0,12}";
    let fields = (prop::option::of(line), prop::option::of(line), prop::option::of("[^\r]{0,20}"), prop::option::of(any::<u64>()));
    fields.prop_map(|(event, id, data, retry)| Event { event, id, data, retry }).prop_filter("not empty", |event| !event.is_empty())
}

proptest! {
    #[test]
    fn events_survive_the_round_trip(events in prop::collection::vec(any_event(), 0..5)) {
        let stream: Vec<u8> = events.iter().flat_map(encode).collect();
        prop_assert_eq!(decode(&[&stream]).unwrap(), events);
    }

    #[test]
    fn events_do_not_depend_on_where_the_bytes_are_cut(
        stream in "(data|id|event|retry|x)?(: ?|\u{feff}|é)?[a-c0-9]{0,3}(\r\n|\n|\r|\r\n\r\n|\n\n|\r\r){0,2}".prop_map(String::into_bytes),
        more in prop::collection::vec("(data: é\u{feff}|id:7|retry:1|:c|)(\r\n|\n|\r){1,3}", 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = [stream, more.concat().into_bytes()].concat();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode(&chunks), decode(&[&stream]));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(decode(&bytes), decode(&[&stream]));
    }

    #[test]
    fn the_cap_does_not_depend_on_where_the_bytes_are_cut(length in 0_usize..60, cut in 0_usize..60) {
        let stream = [b"data: ".to_vec(), vec![b'x'; length], b"\n\n".to_vec()].concat();
        let run = |chunks: &[&[u8]]| {
            let mut decoder = Decoder::new(40);
            let mut events = Vec::new();
            let outcome = chunks.iter().try_for_each(|chunk| decoder.decode(chunk, &mut events));
            (outcome, events)
        };
        let (left, right) = stream.split_at(cut.min(stream.len()));
        prop_assert_eq!(run(&[left, right]), run(&[&stream]));
    }
}
