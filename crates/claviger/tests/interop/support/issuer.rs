//! Who vouches? npm's oidc-provider, run by interop/drivers/issuer.mjs; nothing in it is ours but its configuration.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{Running, node, post_form, repository};

/// A running identity provider: `robot` and `robin` may ask it for tokens of their own, `door` for tokens for others too, and `signer` with a key in place of a secret.
pub(crate) struct Issuer {
    process: Running,
    /// The issuer identifier.
    pub(crate) url: String,
}

impl Issuer {
    /// Starts it; its clients may ask for these scopes at any resource on loopback.
    pub(crate) fn start(scopes: &str) -> Self {
        Self::with_key(scopes, None)
    }

    /// The same; the private key of `signer` is written to this file.
    pub(crate) fn start_with_key(scopes: &str, file: &Path) -> Self {
        Self::with_key(scopes, Some(file))
    }

    /// The same, with a slash at the end of its name.
    pub(crate) fn start_with_slash(scopes: &str) -> Self {
        Self::run(node().arg(repository().join("interop/drivers/issuer.mjs")).args([scopes, "", "slash"]))
    }

    /// The same provider, as somebody calls it who has not looked closely.
    pub(crate) fn called_without_slash(mut self) -> Self {
        self.url.truncate(self.url.trim_end_matches('/').len());
        self
    }

    fn with_key(scopes: &str, file: Option<&Path>) -> Self {
        Self::run(node().arg(repository().join("interop/drivers/issuer.mjs")).arg(scopes).args(file))
    }

    fn run(command: &mut Command) -> Self {
        let process = Running::start(command);
        let url = process.line("http://127.0.0.1:").trim().to_owned();
        Self { process, url }
    }

    /// A token for `resource`, by the client credentials grant (RFC 6749 §4.4) with a resource indicator (RFC 8707).
    pub(crate) fn token(&self, resource: &str, scopes: &str) -> String {
        self.token_of("robot", resource, scopes)
    }

    /// The same for another client.
    pub(crate) fn token_of(&self, client: &str, resource: &str, scopes: &str) -> String {
        let fields = [("grant_type", "client_credentials"), ("resource", resource), ("scope", scopes)];
        let basic = BASE64_STANDARD.encode(format!("{client}:{}", Self::secret_of(client)));
        let reply = post_form(&format!("{}/token", self.url), Some(&basic), &fields);
        assert_eq!(reply.status, 200, "no token: {}", reply.json());
        reply.json()["access_token"].as_str().expect("a token is text").to_owned()
    }

    /// The secret of a client, as interop/drivers/issuer.mjs knows it.
    pub(crate) fn secret_of(client: &str) -> String {
        format!("a-secret-of-the-interop-tests-for-{client}")
    }

    /// From now on other keys sign, and the old ones are gone.
    pub(crate) fn rotate(&mut self) {
        self.hears("rotate", "rotated");
    }

    /// From now on nobody answers.
    pub(crate) fn close(&mut self) {
        self.hears("close", "closed");
    }

    /// Answers again.
    pub(crate) fn open(&mut self) {
        self.hears("open", "opened");
    }

    /// From now on access tokens are good for two seconds.
    pub(crate) fn hurry(&mut self) {
        self.hears("hurry", "hurried");
    }
    /// From now on access tokens are no JWTs.
    pub(crate) fn become_opaque(&mut self) {
        self.hears("opaque", "made opaque");
    }

    /// How often somebody asked about a token.
    pub(crate) fn asked(&mut self) -> u32 {
        self.number("asked")
    }

    /// A public client takes its token back.
    pub(crate) fn revoke(&self, client: &str, token: &str) {
        let reply = post_form(&format!("{}/token/revocation", self.url), None, &[("client_id", client), ("token", token)]);
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// No refresh token that was given until now is good any more.
    pub(crate) fn end_grants(&mut self) {
        self.hears("end", "ended");
    }

    /// How often somebody asked for a token.
    pub(crate) fn grants(&mut self) -> u32 {
        self.number("grants")
    }

    /// How often somebody fetched the keys.
    pub(crate) fn fetches(&mut self) -> u32 {
        self.number("fetches")
    }

    /// How many refresh tokens are good.
    pub(crate) fn held(&mut self) -> u32 {
        self.number("held")
    }

    /// How many requests have come to it.
    pub(crate) fn requests(&mut self) -> u32 {
        self.number("requests")
    }

    /// From now on it answers 503 to everything.
    pub(crate) fn fail(&mut self) {
        self.hears("fail", "failing");
    }

    /// It answers again as before.
    pub(crate) fn mend(&mut self) {
        self.hears("mend", "mended");
    }

    /// From now on every answer takes half a second.
    pub(crate) fn delay(&mut self) {
        self.hears("delay", "delayed");
    }

    /// The groups that everybody is in from now on.
    pub(crate) fn group(&mut self, groups: &Value) {
        self.hears(&format!("groups {groups}"), "grouped");
    }

    /// From now on these claims stand in its id tokens instead of the true ones.
    pub(crate) fn forge(&mut self, claims: &Value) {
        self.hears(&format!("forge {claims}"), "forged");
    }

    /// Every token that it has given.
    pub(crate) fn given(&mut self) -> Vec<String> {
        serde_json::from_str(&self.answer("given")).expect("a list of tokens")
    }

    fn number(&mut self, word: &str) -> u32 {
        self.answer(word).parse().expect("a number")
    }

    fn answer(&mut self, word: &str) -> String {
        let label = format!("{word}: ");
        self.hears(word, &label).trim_start_matches(&label).to_owned()
    }

    fn hears(&mut self, word: &str, done: &str) -> String {
        self.process.type_line(word);
        self.process.line(done)
    }
}
