//! What follows a name? `?key=value&key=value` and `#field`, in either order.

use super::InvalidReference;

/// A reference behind its scheme, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    pub(super) name: &'t str,
    /// What stands between `?` and `#` or the end.
    pub(super) options: Option<&'t str>,
    pub(super) field: Option<&'t str>,
}

/// Takes a reference apart. `is_quoted`: quotes keep `?` and `#` in the name.
pub(super) fn split(rest: &str, is_quoted: bool) -> Result<Parts<'_>, InvalidReference> {
    let end = if is_quoted { unquoted_end(rest) } else { rest.find(['?', '#']) };
    let Some((name, tail)) = end.and_then(|end| rest.split_at_checked(end)) else {
        return Ok(Parts { name: rest, options: None, field: None });
    };
    let (options, field) = if let Some(tail) = tail.strip_prefix('?') {
        match tail.split_once('#') {
            Some((options, field)) => (Some(options), Some(field)),
            None => (Some(tail), None),
        }
    } else {
        let tail = tail.strip_prefix('#').unwrap_or(tail);
        match tail.split_once('?') {
            Some((field, options)) => (Some(options), Some(field)),
            None => (None, Some(tail)),
        }
    };
    if field == Some("") { Err(InvalidReference::EmptyField) } else { Ok(Parts { name, options, field }) }
}

/// A written reference with this `ttl` in place of the one that it may have.
pub(super) fn rewrite(written: &str, ttl: u16) -> String {
    let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
    let Ok(Parts { name, options, field }) = split(rest, scheme == "command") else { return written.to_owned() };
    let others = options.into_iter().flat_map(|options| options.split('&')).filter(|option| !option.starts_with("ttl="));
    let options: Vec<String> = others.map(str::to_owned).chain([format!("ttl={ttl}")]).collect();
    let field = field.map(|field| format!("#{field}")).unwrap_or_default();
    format!("{scheme}://{name}?{}{field}", options.join("&"))
}

/// A written reference without what says nothing about the place: `ttl` and field.
pub(super) fn bare(written: &str) -> String {
    let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
    let Ok(Parts { name, options, .. }) = split(rest, scheme == "command") else { return written.to_owned() };
    let options: Vec<&str> =
        options.into_iter().flat_map(|options| options.split('&')).filter(|option| !option.starts_with("ttl=")).collect();
    if options.is_empty() { format!("{scheme}://{name}") } else { format!("{scheme}://{name}?{}", options.join("&")) }
}

/// The options that nobody has asked for yet.
pub(super) struct Options<'t>(Vec<(&'t str, &'t str)>);

impl<'t> Options<'t> {
    pub(super) fn parse(text: Option<&'t str>) -> Result<Self, InvalidReference> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for pair in text.map(|text| text.split('&')).into_iter().flatten() {
            let (key, value) = pair.split_once('=').ok_or(InvalidReference::OptionShape)?;
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(InvalidReference::RepeatedOption);
            }
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'t str> {
        let index = self.0.iter().position(|(known, _)| *known == key)?;
        Some(self.0.swap_remove(index).1)
    }

    /// An option that means nothing here would be silently without effect.
    pub(super) fn finish(self) -> Result<(), InvalidReference> {
        if self.0.is_empty() { Ok(()) } else { Err(InvalidReference::UnknownOption) }
    }
}

/// Where a command line ends: at the first `?` or `#` outside quotes.
fn unquoted_end(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut letters = line.char_indices();
    while let Some((index, letter)) = letters.next() {
        match (quote, letter) {
            (None, '?' | '#') => return Some(index),
            (None, '\'' | '"') => quote = Some(letter),
            (None | Some('"'), '\\') => {
                letters.next();
            }
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}
