//! Who vouches? npm's oidc-provider, run by interop/drivers/issuer.mjs; nothing in it is ours but its configuration.

use super::{Running, node, post_form, repository};

/// A running identity provider with one client that may ask for tokens of its own.
pub(crate) struct Issuer {
    process: Running,
    /// The issuer identifier.
    pub(crate) url: String,
}

impl Issuer {
    /// Starts it; its client may ask for these scopes at any resource on loopback.
    pub(crate) fn start(scopes: &str) -> Self {
        let mut command = node();
        command.arg(repository().join("interop/drivers/issuer.mjs")).arg(scopes);
        let process = Running::start(&mut command);
        let url = process.line("http://127.0.0.1:").trim().to_owned();
        Self { process, url }
    }

    /// A token for `resource`, by the client credentials grant (RFC 6749 §4.4) with a resource indicator (RFC 8707).
    pub(crate) fn token(&self, resource: &str, scopes: &str) -> String {
        let fields = [("grant_type", "client_credentials"), ("resource", resource), ("scope", scopes)];
        let reply = post_form(&format!("{}/token", self.url), CLIENT, &fields);
        assert_eq!(reply.status, 200, "no token: {}", reply.json());
        reply.json()["access_token"].as_str().expect("a token is text").to_owned()
    }

    /// From now on other keys sign, and the old ones are gone.
    pub(crate) fn rotate(&mut self) {
        self.process.type_line("rotate");
        self.process.line("rotated");
    }

    /// From now on nobody answers.
    pub(crate) fn close(&mut self) {
        self.process.type_line("close");
        self.process.line("closed");
    }

    /// How often somebody fetched the keys.
    pub(crate) fn fetches(&mut self) -> u32 {
        self.process.type_line("fetches");
        let line = self.process.line("fetches: ");
        line.trim_start_matches("fetches: ").parse().expect("a number of fetches")
    }
}

/// `robot:a-secret-of-the-interop-tests-only`, as interop/drivers/issuer.mjs knows it, in Base64.
const CLIENT: &str = "cm9ib3Q6YS1zZWNyZXQtb2YtdGhlLWludGVyb3AtdGVzdHMtb25seQ==";
