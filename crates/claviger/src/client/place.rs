//! How far was a stream read, and when is it gone on with? (WHATWG HTML §9.2; SEP-1699)

use std::time::Duration;

use mcp::sse::Event;

/// The place of a reader.
#[derive(Debug)]
pub(crate) struct Place {
    /// What the next connection says; `None`: the stream cannot be gone on with.
    pub(crate) last_event_id: Option<String>,
    /// How long to wait before that: as the server says, at most a minute.
    pub(crate) retry: Duration,
}

impl Default for Place {
    fn default() -> Self {
        Self { last_event_id: None, retry: USUAL_RETRY }
    }
}

impl Place {
    /// Takes note of an event.
    pub(crate) fn remember(&mut self, event: &Event) {
        if let Some(id) = &event.id {
            self.last_event_id = Some(id.clone()).filter(|id| !id.is_empty());
        }
        if let Some(retry) = event.retry {
            self.retry = Duration::from_millis(retry).min(MAX_RETRY);
        }
    }
}

const USUAL_RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_id_forgets_the_place_and_a_server_cannot_have_us_wait_for_ever() {
        let mut place = Place::default();
        place.remember(&Event { id: Some("7".to_owned()), retry: Some(500), ..Event::default() });
        assert_eq!((place.last_event_id.as_deref(), place.retry), (Some("7"), Duration::from_millis(500)));
        place.remember(&Event { retry: Some(u64::MAX), ..Event::default() });
        assert_eq!((place.last_event_id.as_deref(), place.retry), (Some("7"), MAX_RETRY));
        place.remember(&Event { id: Some(String::new()), ..Event::default() });
        assert_eq!(place.last_event_id, None);
    }
}
