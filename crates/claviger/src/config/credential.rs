//! Is this a way to a bearer token for a server? From what a person wrote under `credential` to what the gateway needs.

use std::path::Path as FilePath;
use std::time::Duration;

use broker::AuthorizationServer;
use broker::authorization_server::{Delegation, NamedServer, PersonalGrant, Place, Proof, Road, TokenGrant};
use broker::reference::Template;
use gateway::config::{ClientHeaders, IntrospectedTokens, Introspection, SignIn, UpstreamCredential};
use oauth::client_authentication::Method;
use oauth::grant::Wanted;
use oauth::issuer::Issuer;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use outbound::tls::Roots;
use policy::quota::Rate;
use url::Url;

use super::file::{self, OneOrMore, TokenServer, WaysToProve};
use super::judge::Judge;
use super::tree::Path;
use super::{is_local, units};

/// The way to the token; `None` when something about it is wrong. What the certificate files hold is added to `certificates`.
pub(super) fn build(
    written: &file::Credential,
    path: &Path,
    folder: &FilePath,
    certificates: &mut Vec<u8>,
    judge: &mut Judge<'_>,
) -> Option<UpstreamCredential> {
    let mut builder = Builder { folder, certificates, judge };
    let file::Credential { client_credentials, exchange, id_jag, personal, pass_through } = written;
    match (client_credentials, exchange, id_jag, personal, pass_through) {
        (Some(grant), None, None, None, None) => builder.client_credentials(grant, &path.key("client_credentials")),
        (None, Some(grant), None, None, None) => builder.exchange(grant, &path.key("exchange")),
        (None, None, Some(id_jag), None, None) => builder.id_jag(id_jag, &path.key("id_jag")),
        (None, None, None, Some(grant), None) => builder.personal(grant, &path.key("personal")),
        (None, None, None, None, Some(pass_through)) => builder.pass_through(pass_through, &path.key("pass_through")),
        _ => {
            let what = "exactly one of `client_credentials`, `exchange`, `id_jag`, `personal` and `pass_through` is expected";
            builder.judge.blame(path, what);
            None
        }
    }
}

/// How people sign in at this issuer; `None` when something about it is wrong.
pub(super) fn sign_in(written: &file::SignIn, issuer: &str, path: &Path, folder: &FilePath, judge: &mut Judge<'_>) -> Option<SignIn> {
    let mut builder = Builder { folder, certificates: &mut Vec::new(), judge };
    let server = builder.server(&written.server(issuer), path);
    let further = written.scopes.as_ref().map_or(Some(ScopeSet::default()), |scopes| builder.scopes(scopes, &path.key("scopes")));
    // Without it nobody would be told who it is (OpenID Connect Core §3.1.2.1).
    let openid = builder.judge.accept(path, ScopeSet::parse("openid"));
    Some(SignIn { server: server?, scopes: further?.union(&openid?) })
}

/// How people sign in at a provider that the door issues tokens for; `None` when something about it is wrong.
pub(super) fn federation(written: &file::Federation, path: &Path, folder: &FilePath, judge: &mut Judge<'_>) -> Option<SignIn> {
    let mut builder = Builder { folder, certificates: &mut Vec::new(), judge };
    let server = builder.server(&written.server(), path);
    let usual = OneOrMore::One("openid profile email".to_owned());
    let scopes = builder.scopes(written.scopes.as_ref().unwrap_or(&usual), &path.key("scopes"));
    let openid = builder.judge.accept(path, ScopeSet::parse("openid"));
    Some(SignIn { server: server?, scopes: scopes?.union(&openid?) })
}

/// How clients log in at this issuer by headers; `None` when something about it is wrong.
pub(super) fn client_headers(
    written: &file::ClientHeaderSettings,
    issuer: &str,
    path: &Path,
    folder: &FilePath,
    judge: &mut Judge<'_>,
) -> Option<ClientHeaders> {
    let mut builder = Builder { folder, certificates: &mut Vec::new(), judge };
    let server = builder.server(&written.server(issuer), path);
    let scopes = written.scopes.as_ref().map_or(Some(ScopeSet::default()), |scopes| builder.scopes(scopes, &path.key("scopes")));
    Some(ClientHeaders { server: server?, scopes: scopes? })
}

/// How this issuer is asked about tokens; `None` when something about it is wrong.
pub(super) fn introspection(
    written: &file::Introspection,
    issuer: &str,
    path: &Path,
    folder: &FilePath,
    judge: &mut Judge<'_>,
) -> Option<Introspection> {
    let mut builder = Builder { folder, certificates: &mut Vec::new(), judge };
    let server = builder.introspecting_server(&written.server(issuer), path);
    let cache = match &written.cache {
        None => Some(DEFAULT_CACHE),
        Some(text) => builder.judge.accept(&path.key("cache"), units::duration(text)),
    };
    if cache.is_some_and(|cache| cache > LONGEST_CACHE) {
        let hint = "write at most `1h`: so long may a token be used that was revoked";
        builder.judge.blame_with_hint(&path.key("cache"), "an answer is believed for too long", hint);
    }
    let tokens = match written.tokens {
        Some(file::IntrospectedTokens::All) => IntrospectedTokens::All,
        Some(file::IntrospectedTokens::Jwt) => IntrospectedTokens::Jwt,
        None | Some(file::IntrospectedTokens::Opaque) => IntrospectedTokens::Opaque,
    };
    Some(Introspection { server: server?, tokens, cache: cache? })
}

struct Builder<'b, 'j> {
    folder: &'b FilePath,
    certificates: &'b mut Vec<u8>,
    judge: &'b mut Judge<'j>,
}

impl Builder<'_, '_> {
    fn client_credentials(&mut self, grant: &file::TokenGrant, path: &Path) -> Option<UpstreamCredential> {
        if grant.auth == Some(WaysToProve::None) && grant.client_secret.is_none() && grant.private_key.is_none() {
            self.judge.blame(&path.key("auth"), "a client that proves nothing is anybody: it gets no token in its own name");
        }
        let (server, wanted, early) = self.grant(grant, path);
        Some(UpstreamCredential::ClientCredentials(Box::new(TokenGrant { server: server?, wanted: wanted?, early: early? })))
    }

    fn exchange(&mut self, grant: &file::TokenGrant, path: &Path) -> Option<UpstreamCredential> {
        let (server, wanted, early) = self.grant(grant, path);
        let road = Road::Exchange(Box::new(server?));
        Some(UpstreamCredential::Delegated(Box::new(Delegation { road, wanted: wanted?, early: early? })))
    }

    fn id_jag(&mut self, id_jag: &file::IdJag, path: &Path) -> Option<UpstreamCredential> {
        let provider = self.named(id_jag.provider.as_ref(), path, "provider", "the callers' identity provider");
        let server = self.named(id_jag.server.as_ref(), path, "server", "the authorization server of the server behind the door");
        if id_jag.server.as_ref().is_some_and(|server| server.issuer.is_none()) {
            self.judge.blame(&path.key("server"), "`issuer` is missing: the identity provider's assertion has to name it");
        }
        // What is wrong with it has been told with the server.
        let issuer = id_jag.server.as_ref().and_then(|server| Issuer::parse(server.issuer.as_deref()?).ok());
        let wanted = self.wanted(None, id_jag.resource.as_deref(), id_jag.scopes.as_ref(), path);
        let early = self.early(id_jag.early.as_deref(), path);
        let named = NamedServer { server: server?, issuer: issuer? };
        let road = Road::IdJag { provider: Box::new(provider?), server: Box::new(named) };
        Some(UpstreamCredential::Delegated(Box::new(Delegation { road, wanted: wanted?, early: early? })))
    }

    fn personal(&mut self, written: &file::PersonalGrant, path: &Path) -> Option<UpstreamCredential> {
        let mut url = |text: Option<&str>, key: &str| optional(text, |text| self.token_url(text, &path.key(key))).ok();
        let (authorize_url, revocation_url) =
            (url(written.authorize_url.as_deref(), "authorize_url"), url(written.revocation_url.as_deref(), "revocation_url"));
        if written.issuer.is_none() && written.token_url.is_some() && written.authorize_url.is_none() {
            let hint = "write `authorize_url = \"...\"` or `issuer = \"...\"`";
            self.judge.blame_with_hint(path, "nothing says where people are sent", hint);
        }
        let server = self.server(&written.server(), path);
        let wanted = self.wanted(written.audience.as_deref(), written.resource.as_deref(), written.scopes.as_ref(), path);
        let early = self.early(written.early.as_deref(), path);
        Some(UpstreamCredential::Personal(Box::new(PersonalGrant {
            server: server?,
            // What is wrong with it has been told with the server.
            issuer: written.issuer.as_deref().and_then(|text| Issuer::parse(text).ok()),
            authorize_url: authorize_url?,
            revocation_url: revocation_url?,
            wanted: wanted?,
            early: early?,
        })))
    }

    fn pass_through(&mut self, written: &file::PassThrough, path: &Path) -> Option<UpstreamCredential> {
        match written.audience.as_deref().map(str::trim) {
            Some(audience) if !audience.is_empty() => Some(UpstreamCredential::PassThrough { audience: audience.to_owned() }),
            _ => {
                let hint = "a caller's token is passed on only where it names the server: write how, as `audience = \"...\"`";
                self.judge.blame_with_hint(path, "`audience` is missing", hint);
                None
            }
        }
    }

    fn grant(&mut self, grant: &file::TokenGrant, path: &Path) -> (Option<AuthorizationServer>, Option<Wanted>, Option<Duration>) {
        (
            self.server(&grant.server(), path),
            self.wanted(grant.audience.as_deref(), grant.resource.as_deref(), grant.scopes.as_ref(), path),
            self.early(grant.early.as_deref(), path),
        )
    }

    fn named(&mut self, server: Option<&TokenServer>, path: &Path, key: &str, who: &str) -> Option<AuthorizationServer> {
        if server.is_none() {
            self.judge.blame(path, format!("`{key}` is missing: {who}"));
        }
        self.server(server?, &path.key(key))
    }

    fn server(&mut self, server: &TokenServer, path: &Path) -> Option<AuthorizationServer> {
        let issuer = optional(server.issuer.as_deref(), |text| self.judge.accept(&path.key("issuer"), Issuer::parse(text)));
        let place = self.place(server.token_url.as_deref(), &issuer, path);
        let client_id = self.client_id(server.client_id.as_deref(), path);
        let proof = self.proof(server, &issuer, path);
        let roots = optional(server.ca.as_deref(), |file| self.roots(file, &path.key("ca")));
        let pin = optional(server.pin.as_deref(), |text| self.judge.accept(&path.key("pin"), text.parse()));
        let rate = match &server.requests {
            Some(text) => self.judge.accept(&path.key("requests"), text.parse()),
            None => Some(DEFAULT_REQUESTS),
        };
        let (roots, pin) = (roots.ok()?, pin.ok()?);
        Some(AuthorizationServer { place: place?, client_id: client_id?, proof: proof?, roots, pin, rate: rate? })
    }

    /// The same, where `url` is what `token_url` is elsewhere.
    fn introspecting_server(&mut self, server: &TokenServer, path: &Path) -> Option<AuthorizationServer> {
        let url = optional(server.token_url.as_deref(), |text| self.token_url(text, &path.key("url"))).ok()?;
        let server = self.server(&TokenServer { token_url: None, ..server.clone() }, path)?;
        Some(AuthorizationServer { place: url.map_or_else(|| server.place.clone(), Place::Known), ..server })
    }

    fn place(&mut self, token_url: Option<&str>, issuer: &Result<Option<Issuer>, Blamed>, path: &Path) -> Option<Place> {
        match (token_url, issuer) {
            (Some(text), _) => self.token_url(text, &path.key("token_url")).map(Place::Known),
            (None, Ok(Some(issuer))) => Some(Place::Discovered(issuer.clone())),
            (None, Err(Blamed)) => None,
            (None, Ok(None)) => {
                self.judge.blame_with_hint(path, "nothing says who gives the token", "write `token_url = \"...\"` or `issuer = \"...\"`");
                None
            }
        }
    }

    fn token_url(&mut self, text: &str, path: &Path) -> Option<Url> {
        let url = self.judge.accept(path, Url::parse(text))?;
        let what = if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            "an https URL is expected"
        } else if url.scheme() == "http" && !is_local(&url) {
            "secrets go there, so it must be `https://`"
        } else if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            "it holds no user name, no password and no fragment"
        } else {
            return Some(url);
        };
        self.judge.blame_secret(path, what, "write it as the authorization server's documentation has it");
        None
    }

    fn client_id(&mut self, text: Option<&str>, path: &Path) -> Option<String> {
        let (at, what) = match text {
            Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => return Some(text.to_owned()),
            Some(_) => (path.key("client_id"), "the name under which the authorization server knows the door is expected"),
            None => (path.clone(), "`client_id` is missing: the name under which the authorization server knows the door"),
        };
        self.judge.blame(&at, what);
        None
    }

    fn proof(&mut self, server: &TokenServer, issuer: &Result<Option<Issuer>, Blamed>, path: &Path) -> Option<Proof> {
        if server.key_id.is_some() && server.private_key.is_none() {
            self.judge.blame_key(&path.key("key_id"), "goes together with `private_key` only");
        }
        match (&server.client_secret, &server.private_key, server.auth) {
            (Some(_), Some(_), _) => self.blamed(path, "`client_secret` and `private_key` do not go together"),
            (Some(secret), None, None | Some(WaysToProve::Basic | WaysToProve::Post)) => {
                let method = server.auth.map(|auth| match auth {
                    WaysToProve::Post => Method::ClientSecretPost,
                    _ => Method::ClientSecretBasic,
                });
                self.secret(secret, &path.key("client_secret")).map(|secret| Proof::Secret { secret, method })
            }
            (None, Some(key), None | Some(WaysToProve::PrivateKeyJwt)) => {
                let key = self.secret(key, &path.key("private_key"));
                let Some(issuer) = issuer.as_ref().ok()? else {
                    return self.blamed(path, "`issuer` is missing: what the private key signs is for it alone");
                };
                Some(Proof::PrivateKey { key: key?, key_id: server.key_id.clone(), issuer: issuer.clone() })
            }
            (None, None, Some(WaysToProve::None)) => Some(Proof::None),
            (None, None, None) => {
                self.blamed(path, "nothing says how the door proves who it is: `client_secret`, `private_key`, or `auth = \"none\"`")
            }
            (_, _, Some(WaysToProve::PrivateKeyJwt)) => self.blamed(&path.key("auth"), "needs `private_key`"),
            (_, _, Some(WaysToProve::Basic | WaysToProve::Post)) => self.blamed(&path.key("auth"), "needs `client_secret`"),
            (_, _, Some(WaysToProve::None)) => self.blamed(&path.key("auth"), "a public client has neither secret nor key"),
        }
    }

    fn secret(&mut self, text: &str, path: &Path) -> Option<Template> {
        let hint = "write a reference, such as `env://UPSTREAM_SECRET` or `file:///run/secrets/upstream`";
        match Template::parse_secret(text) {
            Ok(template) if template.has_references() => Some(template),
            Ok(_) => {
                self.judge.blame_secret(path, "a secret does not stand in the configuration", hint);
                None
            }
            Err(error) => {
                self.judge.blame_secret(path, error, hint);
                None
            }
        }
    }

    fn roots(&mut self, file: &str, path: &Path) -> Option<Roots> {
        if file.contains("-----BEGIN") {
            return self.blamed(path, "this is the PEM text itself; put it into a file and write the file's path");
        }
        let pem = self.judge.accept(path, std::fs::read(self.folder.join(file.strip_prefix("file://").unwrap_or(file))))?;
        let roots = self.judge.accept(path, Roots::default().with_pem(&pem))?;
        // What is trusted is looked at once more when it is used, and then it would be too late to name the place.
        self.judge.accept(path, outbound::tls::client_config(&roots))?;
        self.certificates.extend_from_slice(&pem);
        Some(roots)
    }

    fn wanted(&mut self, audience: Option<&str>, resource: Option<&str>, scopes: Option<&OneOrMore>, path: &Path) -> Option<Wanted> {
        if audience.is_some_and(|audience| audience.trim().is_empty()) {
            self.judge.blame(&path.key("audience"), "the name of an API is expected");
        }
        let resource = optional(resource, |text| self.judge.accept(&path.key("resource"), Resource::parse(text)));
        let scopes = scopes.map_or(Some(ScopeSet::default()), |written| self.scopes(written, &path.key("scopes")));
        Some(Wanted { resource: resource.ok()?, audience: audience.map(str::to_owned), scopes: scopes? })
    }

    fn scopes(&mut self, written: &OneOrMore, path: &Path) -> Option<ScopeSet> {
        let texts = written.all().iter().enumerate();
        let parsed: Vec<_> = texts
            .map(|(index, text)| {
                let at = if matches!(written, OneOrMore::More(_)) { path.index(index) } else { path.clone() };
                self.judge.accept(&at, ScopeSet::parse(text))
            })
            .collect();
        Some(parsed.into_iter().collect::<Option<Vec<_>>>()?.iter().fold(ScopeSet::default(), |all, scopes| all.union(scopes)))
    }

    fn early(&mut self, text: Option<&str>, path: &Path) -> Option<Duration> {
        text.map_or(Some(DEFAULT_EARLY), |text| self.judge.accept(&path.key("early"), units::duration(text)))
    }

    fn blamed<T>(&mut self, path: &Path, what: &str) -> Option<T> {
        self.judge.blame(path, what);
        None
    }
}

/// What is written must be right; what is not written need not be there.
fn optional<T>(written: Option<&str>, mut judge: impl FnMut(&str) -> Option<T>) -> Result<Option<T>, Blamed> {
    written.map(|text| judge(text).ok_or(Blamed)).transpose()
}

/// It is written, and wrong; the fault is kept aside.
struct Blamed;

/// Ten a minute (K3).
const DEFAULT_REQUESTS: Rate = Rate::per_minute(std::num::NonZeroU32::new(10).unwrap());
/// So long a revoked token may still be good, and so seldom the issuer is asked about one that is not.
const DEFAULT_CACHE: Duration = Duration::from_secs(60);
const LONGEST_CACHE: Duration = Duration::from_secs(3600);
const DEFAULT_EARLY: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
