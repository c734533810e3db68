//! Which language does a person read? (RFC 9110 §12.5.4; `ui_locales` of OpenID Connect Core §3.1.2.1)

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// The languages that the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, for everybody who reads none of the others.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The tag, for the `lang` of a page.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of whoever sends these headers; `wished` is what stands in the request itself, the best first.
    pub fn of(headers: &HeaderMap, wished: Option<&str>) -> Self {
        if let Some(wished) = wished.and_then(|tags| tags.split(' ').find_map(Self::by_tag)) {
            return wished;
        }
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best = (Self::default(), 0_u16);
        for range in accepted.split(',').take(MOST_RANGES) {
            let (tag, quality) = range.split_once(';').map_or((range, 1000), |(tag, quality)| (tag, thousandths(quality)));
            match Self::by_tag(tag) {
                Some(language) if quality > best.1 => best = (language, quality),
                _ => {}
            }
        }
        best.0
    }

    fn by_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

/// The weight of a range, such as `q=0.8`; what cannot be read weighs nothing.
fn thousandths(text: &str) -> u16 {
    let quality =
        text.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok()).filter(|quality| (0.0..=1.0).contains(quality));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
    quality.map_or(0, |quality| (quality * 1000.0) as u16)
}

const MOST_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn language(accepted: &'static str, wished: Option<&str>) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
        Language::of(&headers, wished)
    }

    #[test]
    fn the_best_of_what_both_know_is_spoken() {
        for (accepted, expected) in [
            ("de", Language::German),
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("en-GB,en;q=0.9,de;q=0.8", Language::English),
            ("fr,de;q=0.5,en;q=0.3", Language::German),
            ("fr", Language::English),
            ("*", Language::English),
            ("de;q=0", Language::English),
            ("de;q=x", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(language(accepted, None), expected, "{accepted}");
        }
        assert_eq!(language("en", Some("fr DE-ch en")), Language::German);
        assert_eq!(language("de", Some("fr")), Language::German);
        assert_eq!(Language::of(&HeaderMap::new(), None), Language::English);
    }
}
