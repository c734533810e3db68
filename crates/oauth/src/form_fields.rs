//! Which fields does a form or query hold? Each at most once, because two readers of a repeated one could see two values (RFC 6749 §3.1).

use url::form_urlencoded;
use zeroize::Zeroizing;

/// The fields of one request, in memory that is wiped.
pub struct Fields(Vec<(String, Zeroizing<String>)>);

/// Why the fields cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFields {
    /// Longer than is read.
    #[error("it is over {MAX_BYTES} bytes")]
    TooLong,
    /// More fields than any request has.
    #[error("it has over {MAX_FIELDS} fields")]
    TooMany,
    /// A field stands in it twice.
    #[error("a field stands in it twice")]
    Twice,
}

impl Fields {
    /// Reads form-encoded text. Only `resource` may be repeated (RFC 8707 §2). A field without a value counts as left out (RFC 6749 §3.1).
    pub fn read(text: &[u8]) -> Result<Self, InvalidFields> {
        if text.len() > MAX_BYTES {
            return Err(InvalidFields::TooLong);
        }
        let mut fields: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if value.is_empty() {
                continue;
            }
            if fields.len() == MAX_FIELDS {
                return Err(InvalidFields::TooMany);
            }
            if name != REPEATABLE && fields.iter().any(|(known, _)| *known == name) {
                return Err(InvalidFields::Twice);
            }
            fields.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        Ok(Self(fields))
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field: more than one only for `resource`.
    pub fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

const REPEATABLE: &str = "resource";
/// Codes, tokens and assertions are at most 16 KiB each.
const MAX_BYTES: usize = 64 * 1024;
const MAX_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_once_decoded() {
        let fields = Fields::read(b"code=a%2Bb&empty=&resource=https%3A%2F%2Fh&resource=x+y").unwrap();
        assert_eq!((fields.value("code"), fields.value("empty"), fields.value("other")), (Some("a+b"), None, None));
        assert_eq!(fields.values("resource").collect::<Vec<_>>(), ["https://h", "x y"]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        assert_eq!(Fields::read(b"a=1&a=2").err(), Some(InvalidFields::Twice));
        assert_eq!(Fields::read(b"a=1&%61=2").err(), Some(InvalidFields::Twice));
        assert_eq!(Fields::read(&vec![b'a'; MAX_BYTES + 1]).err(), Some(InvalidFields::TooLong));
        let many = (0..=MAX_FIELDS).map(|number| format!("f{number}=1&")).collect::<Vec<_>>().concat();
        assert_eq!(Fields::read(many.as_bytes()).err(), Some(InvalidFields::TooMany));
    }
}
