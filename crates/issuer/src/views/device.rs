//! What does a person see who answers for a device?

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use pages::STYLE;
use pages::language::Language;

use super::words::Words;
use super::{Question, Trouble};
use crate::paths;

#[derive(Template)]
#[template(path = "device.html")]
struct Device<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    action: String,
    asked: &'a str,
    code: &'a str,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct DeviceDone<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    client: &'a str,
    is_yes: bool,
}

/// The page on which the code is typed.
pub(crate) fn device(base: &str, asked: &str, code: &str, trouble: Option<Trouble>, language: Language) -> Response<Bytes> {
    let words = Words::of(language);
    let (status, trouble) = match trouble {
        None => (StatusCode::OK, None),
        Some(Trouble::Wrong) => (StatusCode::FORBIDDEN, Some(words.device_wrong.to_owned())),
        Some(Trouble::TooOften { minutes }) => (StatusCode::TOO_MANY_REQUESTS, Some(words.too_often.with(&minutes.to_string()))),
    };
    let action = format!("{base}{}", paths::DEVICE);
    pages::page(status, &Device { style: STYLE, language, words, action, asked, code, trouble })
}

/// Everything is said, and the device hears of it.
pub(crate) fn device_done(question: &Question<'_>, is_yes: bool, language: Language) -> Response<Bytes> {
    let words = Words::of(language);
    pages::page(StatusCode::OK, &DeviceDone { style: STYLE, language, words, client: &question.client.name, is_yes })
}
