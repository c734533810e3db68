//! Which challenges does this `WWW-Authenticate` value hold? A forgiving reader.
//!
//! Servers write them in every order, quoted or bare, several to a line, with commas inside
//! quotes. What cannot be understood is left out; the reader never fails and never loops.

use crate::oauth_error::OauthError;
use crate::scope::ScopeSet;

use super::Challenge;

/// One challenge as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedChallenge {
    /// The scheme as written; compare it without regard to case.
    pub scheme: String,
    /// The parameters in the order sent: names in lower case, values unescaped.
    pub params: Vec<(String, String)>,
    /// The `token68` of schemes like `Negotiate`, when there is one.
    pub token68: Option<String>,
}

impl ParsedChallenge {
    /// The first parameter of this name (given in lower case).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the scheme is this one, without regard to case.
    pub fn is_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// This challenge as a `Bearer` challenge. An error we do not know, or a scope that is
    /// not in the grammar, is left out.
    pub fn as_bearer(&self) -> Option<Challenge> {
        self.is_scheme("Bearer").then(|| self.read())
    }

    /// The same for a `DPoP` challenge (RFC 9449 §7.1).
    pub fn as_dpop(&self) -> Option<Challenge> {
        self.is_scheme("DPoP").then(|| self.read())
    }

    /// Whether the proof was good, but for a nonce that the server has sent along (RFC 9449 §9).
    pub fn wants_nonce(&self) -> bool {
        self.is_scheme("DPoP") && self.param("error") == Some("use_dpop_nonce")
    }

    fn read(&self) -> Challenge {
        Challenge {
            error: self.param("error").and_then(OauthError::from_code),
            error_description: self.param("error_description").map(str::to_owned),
            resource_metadata: self.param("resource_metadata").map(str::to_owned),
            scope: self.param("scope").and_then(|scope| ScopeSet::parse(scope).ok()).unwrap_or_default(),
        }
    }
}

/// Reads one header value; call it once for each `WWW-Authenticate` line.
///
/// A value longer than [`MAX_HEADER_BYTES`] gives nothing.
pub fn parse(header: &str) -> Vec<ParsedChallenge> {
    let mut challenges: Vec<ParsedChallenge> = Vec::new();
    if header.len() > MAX_HEADER_BYTES {
        return challenges;
    }
    let mut cursor = Cursor { rest: header };
    loop {
        cursor.skip(|character| matches!(character, ' ' | '\t' | ','));
        if cursor.rest.is_empty() {
            return challenges;
        }
        if let Some(parameter) = cursor.parameter() {
            if let Some(challenge) = challenges.last_mut() {
                challenge.params.push(parameter);
            }
            continue;
        }
        let scheme = cursor.token();
        if scheme.is_empty() {
            cursor.skip_one();
            continue;
        }
        let scheme = scheme.to_owned();
        cursor.skip(is_blank);
        let token68 = cursor.token68().map(str::to_owned);
        challenges.push(ParsedChallenge { scheme, params: Vec::new(), token68 });
    }
}

/// Longest header value that is read: 16 KiB.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(unwanted);
    }

    fn skip_one(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    /// A token of RFC 9110 §5.6.2; empty when none stands here.
    fn token(&mut self) -> &'a str {
        self.take(is_token)
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(|character| !wanted(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// `name = value`, or nothing and the cursor unmoved.
    fn parameter(&mut self) -> Option<(String, String)> {
        let mut ahead = Cursor { rest: self.rest };
        let name = ahead.token();
        ahead.skip(is_blank);
        ahead.rest = ahead.rest.strip_prefix('=').filter(|_| !name.is_empty())?;
        ahead.skip(is_blank);
        let value = match ahead.rest.strip_prefix('"') {
            Some(quoted) => {
                ahead.rest = quoted;
                ahead.quoted()
            }
            // More than a token is accepted, because URLs are often sent without quotes.
            None => ahead.take(|character| !is_blank(character) && character != ',').to_owned(),
        };
        self.rest = ahead.rest;
        Some((name.to_ascii_lowercase(), value))
    }

    /// The rest of a quoted string; one that is never closed ends with the header.
    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut characters = self.rest.chars();
        while let Some(character) = characters.next() {
            match character {
                '"' => break,
                '\\' => value.extend(characters.next()),
                _ => value.push(character),
            }
        }
        self.rest = characters.as_str();
        value
    }

    /// `token68` (RFC 9110 §11.2) stands alone: a comma or the end follows it.
    fn token68(&mut self) -> Option<&'a str> {
        let mut ahead = Cursor { rest: self.rest };
        let body = ahead.take(is_token68);
        let padding = ahead.take(|character| character == '=');
        let found = self.rest.get(..body.len() + padding.len())?;
        ahead.skip(is_blank);
        if body.is_empty() || !(ahead.rest.is_empty() || ahead.rest.starts_with(',')) {
            return None;
        }
        self.rest = ahead.rest;
        Some(found)
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

fn is_token68(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~+/".contains(character)
}
