//! How is it said that a token is not needed any more? (RFC 7009 §2.1)

use crate::form::Form;

/// What kind of token it is, in the opinion of who has it. It makes the search shorter, and decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenTypeHint {
    /// What is shown to resource servers.
    AccessToken,
    /// What gets the next access token.
    RefreshToken,
}

impl TokenTypeHint {
    /// The hint of this name. One that is not known is no mistake (§2.2.1): it is as if nothing had been said.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::AccessToken, Self::RefreshToken].into_iter().find(|hint| hint.name() == name)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// The parameters of a revocation. Who asks is said elsewhere (see `client_authentication`).
pub fn form(token: &str, hint: TokenTypeHint) -> Form<'_> {
    Form::default().with("token", token).with("token_type_hint", hint.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_the_token_and_its_kind() {
        assert_eq!(form("a+b", TokenTypeHint::RefreshToken).encode().as_str(), "token=a%2Bb&token_type_hint=refresh_token");
    }

    #[test]
    fn an_unknown_hint_says_nothing() {
        for hint in [TokenTypeHint::AccessToken, TokenTypeHint::RefreshToken] {
            assert_eq!(TokenTypeHint::from_name(hint.name()), Some(hint));
        }
        for name in ["", "id_token", "Access_Token"] {
            assert_eq!(TokenTypeHint::from_name(name), None, "{name}");
        }
    }
}
