//! What does a person see when their browser comes back? One page, in their language.

use askama::Template;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use pages::STYLE;
use pages::language::Language;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// The terminal has what it needs.
    Done,
    /// The person or the server said no.
    Denied,
    /// It belongs to no log-in of this program.
    Strange,
    /// There is nothing else here.
    NoSuchPage,
}

#[derive(Template)]
#[template(path = "back.html")]
struct View {
    style: &'static str,
    language: Language,
    heading: &'static str,
    text: &'static str,
}

impl Back {
    /// The page for whoever sends these headers.
    pub(super) fn page(self, headers: &HeaderMap) -> Response<Bytes> {
        let language = Language::of(headers, None);
        let (heading, text) = self.words(language);
        let status = match self {
            Self::Done | Self::Denied => StatusCode::OK,
            Self::Strange => StatusCode::BAD_REQUEST,
            Self::NoSuchPage => StatusCode::NOT_FOUND,
        };
        pages::page(status, &View { style: STYLE, language, heading, text })
    }

    fn words(self, language: Language) -> (&'static str, &'static str) {
        match (self, language) {
            (Self::Done, Language::English) => ("You are back", "The terminal goes on. You can close this window."),
            (Self::Done, Language::German) => ("Sie sind zurück", "Im Terminal geht es weiter. Sie können dieses Fenster schließen."),
            (Self::Denied, Language::English) => ("Not allowed", "Nothing was allowed. You can close this window."),
            (Self::Denied, Language::German) => ("Nicht erlaubt", "Es wurde nichts erlaubt. Sie können dieses Fenster schließen."),
            (Self::Strange, Language::English) => {
                ("This leads nowhere", "It belongs to no log-in that is under way. Start again from the terminal.")
            }
            (Self::Strange, Language::German) => {
                ("Das führt nirgendwohin", "Es gehört zu keiner laufenden Anmeldung. Beginnen Sie im Terminal noch einmal.")
            }
            (Self::NoSuchPage, Language::English) => ("No such page", "There is nothing here."),
            (Self::NoSuchPage, Language::German) => ("Keine solche Seite", "Hier ist nichts."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_in_the_language_of_the_reader_and_lets_nothing_in() {
        let mut german = HeaderMap::new();
        german.insert("accept-language", "de-AT,en;q=0.5".parse().unwrap());
        for back in [Back::Done, Back::Denied, Back::Strange, Back::NoSuchPage] {
            for (headers, tag) in [(HeaderMap::new(), "en"), (german.clone(), "de")] {
                let page = back.page(&headers);
                let html = String::from_utf8(page.body().to_vec()).unwrap();
                assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{html}");
                assert!(page.headers().contains_key("content-security-policy"));
            }
        }
        assert_eq!(Back::Strange.page(&german).status(), StatusCode::BAD_REQUEST);
    }
}
