//! How does one line vouch for those before it? By carrying the hash of its predecessor under its own.
//!
//! A line's hash is the SHA-256 of its bytes up to, and without, `,"hash":`. It begins with its number and
//! the hash of the line before, so that no line can be cut, changed, inserted or moved unnoticed.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

use crate::hex;

/// A SHA-256, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 64 lower-case hexadecimal digits are wanted")]
pub struct NotAHash;

/// The end of a chain: the last line's number and hash. The next line continues from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// One line taken apart, whose hash has been found right.
pub(crate) struct Sealed<'l> {
    pub(crate) seq: u64,
    pub(crate) previous: Hash,
    pub(crate) hash: Hash,
    /// The members between `previous` and `hash`, beginning with `"time"`.
    pub(crate) body: &'l [u8],
}

/// Why some bytes are not a line of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSealed {
    /// The shape is right, but the hash is of other bytes.
    Altered {
        /// The number that the line gives itself.
        seq: u64,
    },
    /// The shape is wrong.
    Malformed,
}

impl Hash {
    /// What the first line names as its predecessor: no hash, 64 zeros.
    pub(crate) const NONE: Self = Self([0; 32]);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::from_output(digest(&SHA256, bytes).as_ref())
    }

    /// The 32 bytes that a hash function gave.
    pub(crate) fn from_output(output: &[u8]) -> Self {
        let mut hash = Self::NONE;
        for (to, from) in hash.0.iter_mut().zip(output) {
            *to = *from;
        }
        hash
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn push_to(self, text: &mut Vec<u8>) {
        text.extend_from_slice(hex::digits(&self.0, &mut [0; HASH_DIGITS]).as_bytes());
    }

    fn read(digits: &[u8]) -> Result<Self, NotAHash> {
        let mut hash = Self::NONE;
        if digits.len() != HASH_DIGITS {
            return Err(NotAHash);
        }
        for (byte, pair) in hash.0.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                *byte = *byte << 4 | hex::value(*digit).ok_or(NotAHash)?;
            }
        }
        Ok(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(hex::digits(&self.0, &mut [0; HASH_DIGITS]))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        Self::read(text.as_bytes())
    }
}

impl End {
    /// The end of a chain that has no lines yet.
    pub(crate) const GENESIS: Self = Self { seq: 0, hash: Hash::NONE };

    /// Appends the next line to `lines`, newline included: `body` with number and hashes around it.
    pub(crate) fn append(&mut self, body: &[u8], lines: &mut Vec<u8>) {
        let start = lines.len();
        let seq = self.seq.saturating_add(1);
        lines.extend_from_slice(SEQ);
        lines.extend_from_slice(seq.to_string().as_bytes());
        lines.extend_from_slice(PREVIOUS);
        self.hash.push_to(lines);
        lines.extend_from_slice(BODY);
        lines.extend_from_slice(body);
        let hash = Hash::of(lines.get(start..).unwrap_or_default());
        lines.extend_from_slice(HASH);
        hash.push_to(lines);
        lines.extend_from_slice(END);
        lines.push(b'\n');
        *self = Self { seq, hash };
    }
}

impl<'l> Sealed<'l> {
    /// Takes a line (without its newline) apart and checks its hash.
    pub(crate) fn parse(line: &'l [u8]) -> Result<Self, NotSealed> {
        let (sealed, hashed) = Self::take_apart(line).ok_or(NotSealed::Malformed)?;
        if Hash::of(hashed) != sealed.hash {
            return Err(NotSealed::Altered { seq: sealed.seq });
        }
        Ok(sealed)
    }

    pub(crate) fn end(&self) -> End {
        End { seq: self.seq, hash: self.hash }
    }

    /// The parts of a line, and the bytes that its hash is of.
    fn take_apart(line: &'l [u8]) -> Option<(Self, &'l [u8])> {
        let rest = line.strip_suffix(END)?;
        let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(HASH_DIGITS)?)?;
        let hash = Hash::read(hash).ok()?;
        let hashed = rest.strip_suffix(HASH)?;

        let rest = hashed.strip_prefix(SEQ)?;
        let (digits, rest) = rest.split_at_checked(rest.iter().position(|byte| !byte.is_ascii_digit())?)?;
        let seq = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let rest = rest.strip_prefix(PREVIOUS)?;
        let (previous, rest) = rest.split_at_checked(HASH_DIGITS)?;
        let previous = Hash::read(previous).ok()?;
        Some((Self { seq, previous, hash, body: rest.strip_prefix(BODY)? }, hashed))
    }
}

const SEQ: &[u8] = br#"{"seq":"#;
const PREVIOUS: &[u8] = br#","previous":""#;
const BODY: &[u8] = br#"","#;
const HASH: &[u8] = br#","hash":""#;
const END: &[u8] = br#""}"#;
const HASH_DIGITS: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_changed_byte_of_a_line_is_noticed(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut line = line();
            let place = place.index(line.len());
            prop_assume!(line[place] != byte);
            line[place] = byte;
            prop_assert!(Sealed::parse(&line).is_err());
        }

        #[test]
        fn arbitrary_bytes_are_not_a_line(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Sealed::parse(&bytes).is_err());
        }
    }

    #[test]
    fn a_line_carries_its_number_its_predecessor_and_the_hash_of_both() {
        let first = line();
        let sealed = Sealed::parse(&first).unwrap();
        assert_eq!((sealed.seq, sealed.previous), (1, Hash::NONE));
        assert_eq!(sealed.body, br#""time":"now""#);
        let hashed = format!(r#"{{"seq":1,"previous":"{}","time":"now""#, "0".repeat(64));
        assert_eq!(sealed.hash, Hash::of(hashed.as_bytes()));
        assert!(serde_json::from_slice::<serde_json::Value>(&first).is_ok());

        let (mut end, mut second) = (sealed.end(), Vec::new());
        end.append(br#""time":"then""#, &mut second);
        let second = Sealed::parse(second.trim_ascii_end()).unwrap();
        assert_eq!((second.seq, second.previous), (2, sealed.hash));
    }

    #[test]
    fn a_cut_line_is_malformed() {
        let line = line();
        for end in 0..line.len() {
            assert!(matches!(Sealed::parse(&line[..end]), Err(NotSealed::Malformed)));
        }
    }

    #[test]
    fn a_hash_is_printed_as_it_is_read() {
        let text = "ab".repeat(32);
        assert_eq!(text.parse::<Hash>().unwrap().to_string(), text);
        assert_eq!("AB".repeat(32).parse::<Hash>(), Err(NotAHash));
        assert_eq!("ab".repeat(31).parse::<Hash>(), Err(NotAHash));
    }

    fn line() -> Vec<u8> {
        let mut line = Vec::new();
        End::GENESIS.clone().append(br#""time":"now""#, &mut line);
        line.pop();
        line
    }
}
