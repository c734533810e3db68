//! How is one question put to Vault? Its address and headers, a capped answer that is wiped after it was read, and what each status means.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use outbound::client::{Call, Client, Fetched, Limits};
use outbound::failure::Failure;
use outbound::guard::Guard;
use outbound::tls::Roots;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::OnceCell;
use zeroize::{Zeroize as _, Zeroizing};

use crate::missing::Cause;

/// A Vault, as the operator named it. Nothing is opened or read before the first question.
pub(super) struct Server {
    address: Box<str>,
    namespace: Option<Box<str>>,
    authorities: Option<PathBuf>,
    client: OnceCell<Client>,
}

/// What is asked.
pub(super) struct Question<'q> {
    pub(super) method: Method,
    /// Behind `/v1/`.
    pub(super) path: &'q str,
    pub(super) body: Bytes,
    /// Whether the body is a secret as a whole: then nothing is shown of what Vault says to it.
    pub(super) is_secret: bool,
}

impl<'q> Question<'q> {
    /// Reads a path.
    pub(super) fn get(path: &'q str) -> Self {
        Self::without_body(Method::GET, path)
    }

    /// Asks without a body.
    pub(super) fn without_body(method: Method, path: &'q str) -> Self {
        Self { method, path, body: Bytes::new(), is_secret: false }
    }

    /// Writes a secret: a JSON document.
    pub(super) fn write(path: &'q str, document: Zeroizing<Vec<u8>>) -> Self {
        Self { method: Method::POST, path, body: Bytes::from_owner(document), is_secret: true }
    }

    /// Writes a JSON object of texts, which is wiped when it is sent.
    pub(super) fn post(path: &'q str, members: &[(&str, &str)]) -> Result<Self, Cause> {
        // Room for all of it from the start: growing would leave copies behind. An escape has six bytes.
        let room = members.iter().map(|(name, value)| 8 + name.len() + 6 * value.len()).sum::<usize>() + 2;
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        let object: BTreeMap<_, _> = members.iter().copied().collect();
        serde_json::to_writer(&mut *body, &object).map_err(|_| Cause::NoMemory)?;
        Ok(Self { method: Method::POST, path, body: Bytes::from_owner(body), is_secret: false })
    }
}

impl Question<'_> {
    /// Whether a text holds a secret of the body.
    fn is_quoted_in(&self, line: &str) -> bool {
        if self.is_secret {
            return true;
        }
        let members: BTreeMap<&str, Cow<'_, str>> = serde_json::from_slice(&self.body).unwrap_or_default();
        SECRET_MEMBERS.iter().filter_map(|name| members.get(name)).any(|secret| line.contains(&**secret))
    }
}

impl Server {
    pub(super) fn new(address: &str, namespace: Option<&str>, authorities: Option<PathBuf>) -> Self {
        let address = address.trim_end_matches('/').into();
        Self { address, namespace: namespace.map(Into::into), authorities, client: OnceCell::new() }
    }

    /// The answer, whatever its status.
    pub(super) async fn send(&self, question: &Question<'_>, token: Option<&SecretString>) -> Result<Answer, Cause> {
        let client = self.client.get_or_try_init(|| self.open()).await?;
        let url = format!("{}/v1/{}", self.address, question.path);
        let call = Call { method: question.method.clone(), url: &url, headers: self.headers(token)?, body: question.body.clone() };
        let Fetched { status, body, .. } = client.call(call, LIMITS).await.map_err(|failure| cause_of(&failure))?;
        let mut answer = Answer { status, body, said: Arc::default() };
        answer.said =
            answer.errors(|line| question.is_quoted_in(line) || token.is_some_and(|token| line.contains(token.expose_secret()))).into();
        Ok(answer)
    }

    async fn open(&self) -> Result<Client, Cause> {
        let mut roots = Roots::default();
        if let Some(file) = &self.authorities {
            let unusable = |error: &dyn std::error::Error| {
                tracing::warn!(file = %file.display(), %error, "the certificates for Vault cannot be used");
                Cause::NotConfigured { what: "`ca` of `[secrets.vault]` (else `VAULT_CACERT`) must be a PEM file of certificates" }
            };
            let pem = tokio::fs::read(file).await.map_err(|error| unusable(&error))?;
            roots = roots.with_pem(&pem).map_err(|error| unusable(&error))?;
        }
        Client::new(Guard::for_own_servers(), &roots)
            .map_err(|error| Cause::Unavailable { detail: format!("the trusted certificates cannot be read: {error}").into() })
    }

    fn headers(&self, token: Option<&SecretString>) -> Result<HeaderMap, Cause> {
        let unfit = |what: &str| Cause::BadAnswer { detail: format!("{what} has letters that no header takes").into() };
        let mut headers = HeaderMap::new();
        // Vault Agents refuse requests without it: no page in a browser can add it.
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        if let Some(namespace) = &self.namespace {
            headers.insert(NAMESPACE, HeaderValue::from_str(namespace).map_err(|_| unfit("the namespace"))?);
        }
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(token.expose_secret()).map_err(|_| unfit("the token"))?;
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        Ok(headers)
    }
}

/// An answer of any status. It may hold a secret, so it prints nothing of itself.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Bytes,
    /// Its `errors`, fit to be shown.
    said: Arc<str>,
}

impl Answer {
    pub(super) fn of_success(self) -> Result<Self, Cause> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// Whether a text is in it.
    pub(super) fn holds(&self, text: &SecretString) -> bool {
        std::str::from_utf8(&self.body).is_ok_and(|body| body.contains(text.expose_secret()))
    }

    /// What a status other than success means.
    pub(super) fn refusal(&self) -> Cause {
        let detail = if self.said.is_empty() { self.status.to_string() } else { format!("{}: {}", self.status, self.said) }.into();
        match self.status {
            StatusCode::NOT_FOUND => Cause::NotFound,
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Cause::Refused { detail },
            // 412: a replica has not yet seen what this token rests upon. 429: the rate, or a standby. 503: sealed.
            StatusCode::PRECONDITION_FAILED | StatusCode::TOO_MANY_REQUESTS => Cause::Unavailable { detail },
            status if status.is_server_error() => Cause::Unavailable { detail },
            _ => Cause::BadAnswer { detail },
        }
    }

    /// The JSON document in it. What the parser says may quote the document, so it is dropped.
    pub(super) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Cause> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Cause::BadAnswer { detail: "it is not the JSON document that Vault answers with".into() })
    }

    /// Its `errors` in one line; nothing if they quote a secret of ours.
    fn errors(&self, is_secret: impl FnOnce(&str) -> bool) -> String {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<String>,
            #[serde(default)]
            data: Option<IgnoredAny>,
        }
        let Ok(Errors { errors, data: None }) = self.read::<Errors>() else { return String::new() };
        let line = errors.join("; ");
        if is_secret(&line) {
            return String::new();
        }
        let words: Vec<&str> =
            line.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty()).collect();
        words.join(" ").chars().take(MAX_SHOWN_CHARACTERS).collect()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Bytes that the connection still shares cannot be wiped from here.
        if let Ok(mut body) = std::mem::take(&mut self.body).try_into_mut() {
            body.zeroize();
        }
    }
}

fn cause_of(failure: &Failure) -> Cause {
    let mut detail = failure.to_string();
    let mut source = std::error::Error::source(failure);
    while let Some(error) = source {
        detail.push_str(": ");
        detail.push_str(&error.to_string());
        source = error.source();
    }
    match failure {
        Failure::TimedOut { after, .. } => Cause::TimedOut { after: *after },
        Failure::TooLarge { limit, .. } => Cause::TooLarge { limit: *limit },
        Failure::Blocked { .. } => Cause::Refused { detail: detail.into() },
        _ => Cause::Unavailable { detail: detail.into() },
    }
}

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
/// Vault's own limit of an entry is 1 MiB. The time is above that of one try: what Vault makes anew is not lost when nobody waited that long.
const LIMITS: Limits = Limits { body_bytes: 1024 * 1024, timeout: Duration::from_secs(30) };
const MAX_SHOWN_CHARACTERS: usize = 200;
/// Members of our questions that nobody else is to see.
const SECRET_MEMBERS: [&str; 4] = ["jwt", "lease_id", "secret_id", "token"];

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        let mut answer =
            Answer { status: StatusCode::from_u16(status).unwrap(), body: Bytes::from_static(body.as_bytes()), said: Arc::default() };
        answer.said = answer.errors(|line| line.contains("hvs.token")).into();
        answer
    }

    #[test]
    fn each_status_has_its_meaning() {
        let code = |status| answer(status, r#"{"errors":["why"]}"#).refusal().code();
        assert_eq!([400, 401, 403].map(code), ["refused"; 3]);
        assert_eq!([412, 429, 500, 502, 503].map(code), ["unavailable"; 5]);
        assert_eq!((code(404), code(405)), ("not_found", "bad_answer"));
    }

    #[test]
    fn errors_are_shown_in_one_short_line() {
        let shown = |body| answer(403, body).refusal().to_string();
        assert_eq!(
            shown(r#"{"errors":["1 error occurred:\n\t* permission denied\n\n","two"]}"#),
            "access is refused: 403 Forbidden: 1 error occurred: * permission denied ; two"
        );
        assert_eq!(shown("<html>"), "access is refused: 403 Forbidden");
        let long: &'static str = Box::leak(format!(r#"{{"errors":["{}"]}}"#, "ä".repeat(500)).into_boxed_str());
        assert_eq!(shown(long).chars().filter(|letter| *letter == 'ä').count(), 200);
    }

    #[test]
    fn errors_that_quote_a_secret_of_ours_are_not_shown() {
        let login = Question::post("auth/jwt/login", &[("jwt", "a.b.c"), ("role", "door")]).unwrap();
        assert!(login.is_quoted_in("cannot verify a.b.c") && !login.is_quoted_in("role door is not known"));
        assert!(!Question::get("kv/a").is_quoted_in(""));
        assert_eq!(answer(403, r#"{"errors":["bad token hvs.token"]}"#).refusal().to_string(), "access is refused: 403 Forbidden");
    }

    #[test]
    fn what_is_no_json_is_not_quoted() {
        let Err(cause) = answer(200, r#"{"data":"hunter2"#).read::<IgnoredAny>() else { panic!("it was read") };
        assert!(!cause.to_string().contains("hunter2"), "{cause}");
    }

    #[test]
    fn bodies_are_json_with_what_needs_it_escaped() {
        let question = Question::post("auth/approle/login", &[("role_id", "a\"b"), ("secret_id", "c\u{1}")]).unwrap();
        assert_eq!(&*question.body, br#"{"role_id":"a\"b","secret_id":"c\u0001"}"#);
    }
}
