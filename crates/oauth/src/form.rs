//! How is a token request written? Names and values, form-encoded (RFC 6749, appendix B), in memory that is wiped.

use std::borrow::Cow;

use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// The parameters of one request, in order. It has no `Debug`: secrets are among them.
#[derive(Default)]
pub struct Form<'f> {
    pairs: Vec<(&'static str, Cow<'f, str>)>,
}

impl<'f> Form<'f> {
    /// The same with one parameter more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'f, str>>) -> Self {
        self.pairs.push((name, value.into()));
        self
    }

    /// The same with a parameter, if there is a value for it.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Cow<'f, str>>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The body, as `application/x-www-form-urlencoded`.
    pub fn encode(&self) -> Zeroizing<String> {
        // Room for all of it from the start: growing would leave copies behind.
        let room = self.pairs.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
        let mut body = Zeroizing::new(String::with_capacity(room));
        for (name, value) in &self.pairs {
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(name);
            body.push('=');
            push_encoded(&mut body, value);
        }
        body
    }
}

/// Appends a value as a form writes it: a space is `+`, everything but letters, digits and `*-._` is percent-encoded.
pub(crate) fn push_encoded(text: &mut String, value: &str) {
    byte_serialize(value.as_bytes()).for_each(|piece| text.push_str(piece));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_encoded_and_keep_their_order() {
        let form =
            Form::default().with("grant_type", "client_credentials").with_some("scope", Some("a b")).with_some("audience", None::<&str>);
        assert_eq!(form.encode().as_str(), "grant_type=client_credentials&scope=a+b");
        assert_eq!(Form::default().with("x", "&=+ %/ä~").encode().as_str(), "x=%26%3D%2B+%25%2F%C3%A4%7E");
        assert_eq!(Form::default().encode().as_str(), "");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_never_moved(values in proptest::collection::vec(".{0,40}", 0..5)) {
            let form = values.iter().fold(Form::default(), |form, value| form.with("v", value.as_str()));
            let body = form.encode();
            let read: Vec<String> = url::form_urlencoded::parse(body.as_bytes()).map(|(_, value)| value.into_owned()).collect();
            prop_assert_eq!(&read, &values);
            prop_assert!(body.len() <= body.capacity());
            let room: usize = values.iter().map(|value| 3 + 3 * value.len()).sum();
            prop_assert!(body.capacity() >= room);
        }
    }
}
