//! By what right is a token asked for, and what shall it be good for? The parameters of each grant.

use crate::form::Form;
use crate::pkce::Verifier;
use crate::registration::DEVICE_CODE;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// By what right.
#[derive(Clone, Copy)]
pub enum Grant<'g> {
    /// A person's, as a code that their browser brought (RFC 6749 §4.1.3).
    AuthorizationCode {
        /// The code.
        code: &'g str,
        /// Where the person was sent back to, letter for letter.
        redirect_uri: &'g str,
        /// The proof that we are who asked.
        verifier: &'g Verifier,
    },
    /// The client's own (RFC 6749 §4.4).
    ClientCredentials,
    /// What a device was told to keep, while a person types the other half elsewhere (RFC 8628 §3.4).
    DeviceCode {
        /// The code that only the device knows.
        device_code: &'g str,
    },
    /// An assertion that another server signed for this one (RFC 7523 §2.1).
    JwtBearer {
        /// The assertion.
        assertion: &'g str,
    },
    /// A person's, given before (RFC 6749 §6).
    RefreshToken {
        /// What stands for it.
        refresh_token: &'g str,
    },
    /// A token of somebody for whom the client acts (RFC 8693 §2.1).
    TokenExchange {
        /// That somebody's token.
        subject_token: &'g str,
        /// What kind of token that is.
        subject_token_type: TokenType,
        /// What kind is asked for; `None` leaves it to the server, which means an access token.
        requested_token_type: Option<TokenType>,
    },
}

/// What a token shall be good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The server that will be called with it (RFC 8707), letter for letter.
    pub resource: Option<Resource>,
    /// The logical name of that server (RFC 8693 §2.1), or whatever else the authorization server wants to be told.
    pub audience: Option<String>,
    /// What it shall allow; empty leaves it to the server.
    pub scopes: ScopeSet,
}

/// Kinds of tokens (RFC 8693 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// An OAuth access token, of whatever form.
    AccessToken,
    /// An identity assertion for another authorization server (draft-ietf-oauth-identity-assertion-authz-grant).
    IdJag,
    /// An OpenID Connect id token.
    IdToken,
    /// A JWT, of whatever use.
    Jwt,
}

impl<'g> Grant<'g> {
    /// The parameters of the request. Who asks is said elsewhere (see `client_authentication`).
    pub fn form(self, wanted: &'g Wanted) -> Form<'g> {
        let form = match self {
            Self::AuthorizationCode { code, redirect_uri, verifier } => Form::default()
                .with("grant_type", "authorization_code")
                .with("code", code)
                .with("redirect_uri", redirect_uri)
                .with("code_verifier", verifier.expose()),
            Self::ClientCredentials => Form::default().with("grant_type", "client_credentials"),
            Self::DeviceCode { device_code } => Form::default().with("grant_type", DEVICE_CODE).with("device_code", device_code),
            Self::JwtBearer { assertion } => {
                Form::default().with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer").with("assertion", assertion)
            }
            Self::RefreshToken { refresh_token } => {
                Form::default().with("grant_type", "refresh_token").with("refresh_token", refresh_token)
            }
            Self::TokenExchange { subject_token, subject_token_type, requested_token_type } => Form::default()
                .with("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
                .with("subject_token", subject_token)
                .with("subject_token_type", subject_token_type.urn())
                .with_some("requested_token_type", requested_token_type.map(TokenType::urn)),
        };
        wanted.added_to(form)
    }

    /// What it brings that nobody else may read.
    pub fn secret(self) -> Option<&'g str> {
        match self {
            Self::ClientCredentials => None,
            Self::AuthorizationCode { code, .. } => Some(code),
            Self::DeviceCode { device_code } => Some(device_code),
            Self::JwtBearer { assertion } => Some(assertion),
            Self::RefreshToken { refresh_token } => Some(refresh_token),
            Self::TokenExchange { subject_token, .. } => Some(subject_token),
        }
    }
}

impl Wanted {
    /// The same in a form, whatever else stands in it.
    pub fn added_to<'w>(&'w self, form: Form<'w>) -> Form<'w> {
        form.with_some("resource", self.resource.as_ref().map(Resource::as_str))
            .with_some("audience", self.audience.as_deref())
            .with_some("scope", (!self.scopes.is_empty()).then(|| self.scopes.to_string()))
    }
}

impl TokenType {
    /// Its name on the wire.
    pub fn urn(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::IdJag => "urn:ietf:params:oauth:token-type:id-jag",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(grant: Grant<'_>, wanted: &Wanted) -> Vec<(String, String)> {
        url::form_urlencoded::parse(grant.form(wanted).encode().as_bytes()).into_owned().collect()
    }

    fn wanted() -> Wanted {
        Wanted {
            resource: Some(Resource::parse("https://h/mcp").unwrap()),
            audience: Some("api".to_owned()),
            scopes: ScopeSet::parse("b a").unwrap(),
        }
    }

    fn expect(found: &[(String, String)], expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_is_sent_that_nobody_asked_for() {
        expect(&pairs(Grant::ClientCredentials, &Wanted::default()), &[("grant_type", "client_credentials")]);
        expect(
            &pairs(Grant::JwtBearer { assertion: "a.b.c" }, &Wanted::default()),
            &[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", "a.b.c")],
        );
    }

    #[test]
    fn resource_audience_and_scopes_go_along() {
        expect(
            &pairs(Grant::ClientCredentials, &wanted()),
            &[("grant_type", "client_credentials"), ("resource", "https://h/mcp"), ("audience", "api"), ("scope", "a b")],
        );
    }

    #[test]
    fn a_code_comes_with_the_proof_of_who_asked_for_it() {
        let verifier = Verifier::from_random(&[7; 32]);
        let grant = Grant::AuthorizationCode { code: "c", redirect_uri: "https://door/back", verifier: &verifier };
        expect(
            &pairs(grant, &Wanted::default()),
            &[
                ("grant_type", "authorization_code"),
                ("code", "c"),
                ("redirect_uri", "https://door/back"),
                ("code_verifier", verifier.expose()),
            ],
        );
        let grant = Grant::RefreshToken { refresh_token: "r" };
        expect(&pairs(grant, &Wanted::default()), &[("grant_type", "refresh_token"), ("refresh_token", "r")]);
        assert_eq!(grant.secret(), Some("r"));
    }

    #[test]
    fn an_exchange_says_what_it_brings_and_what_it_wants() {
        let grant = Grant::TokenExchange {
            subject_token: "t",
            subject_token_type: TokenType::AccessToken,
            requested_token_type: Some(TokenType::IdJag),
        };
        expect(
            &pairs(grant, &wanted())[..4],
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", "t"),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("requested_token_type", "urn:ietf:params:oauth:token-type:id-jag"),
            ],
        );
    }
}
