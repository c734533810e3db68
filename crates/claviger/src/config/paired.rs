//! Is this variable a secret by convention? `X_VAULT=<reference>` says that `X` is what the reference names; `X_OAUTH_TTL=<seconds>` beside it, that it is kept for
//! at most so long.

use std::collections::BTreeMap;

use broker::reference::{InvalidReference, Reference};

/// A pair of variables and the variable that they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// `X`.
    pub(crate) name: String,
    /// `X_VAULT`.
    pub(crate) reference_variable: String,
    /// `X_OAUTH_TTL`.
    pub(crate) lifetime_variable: String,
    /// What `X` is, or why the pair makes no reference.
    pub(crate) reference: Result<Reference, InvalidPair>,
}

/// Which of the two cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidPair {
    /// Its name.
    pub(crate) variable: String,
    /// What is wrong with it.
    pub(crate) why: InvalidReference,
}

/// The pairs among these variables, in the order of their names.
pub(crate) fn pairs(variables: &BTreeMap<String, String>) -> Vec<Pair> {
    variables.iter().filter_map(|(name, value)| pair(name, value, variables)).collect()
}

/// `None` where the value is no reference: `X_VAULT=https://vault.example` is the address of a server.
fn pair(reference_variable: &str, value: &str, variables: &BTreeMap<String, String>) -> Option<Pair> {
    let name = reference_variable.strip_suffix(REFERENCE).filter(|name| !name.is_empty())?;
    let lifetime_variable = format!("{name}{LIFETIME}");
    let invalid = |variable: &str| {
        let variable = variable.to_owned();
        |why| InvalidPair { variable, why }
    };
    let reference =
        Reference::recognise(value)?.map_err(invalid(reference_variable)).and_then(|reference| match variables.get(&lifetime_variable) {
            Some(seconds) => reference.with_ttl(seconds).map_err(invalid(&lifetime_variable)),
            None => Ok(reference),
        });
    Some(Pair { name: name.to_owned(), reference_variable: reference_variable.to_owned(), lifetime_variable, reference })
}

const REFERENCE: &str = "_VAULT";
const LIFETIME: &str = "_OAUTH_TTL";

#[cfg(test)]
mod tests {
    use super::{BTreeMap, InvalidPair, InvalidReference, pairs};

    fn found(variables: &[(&str, &str)]) -> Vec<(String, Result<String, InvalidPair>)> {
        let variables: BTreeMap<String, String> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        pairs(&variables).into_iter().map(|pair| (pair.name, pair.reference.map(|reference| reference.to_string()))).collect()
    }

    #[test]
    fn a_reference_and_a_lifetime_give_a_variable() {
        assert_eq!(
            found(&[("API_KEY_VAULT", "vault://kv/api#key"), ("API_KEY_OAUTH_TTL", "900"), ("OTHER", "x")]),
            [("API_KEY".to_owned(), Ok("vault://kv/api?ttl=900#key".to_owned()))]
        );
    }

    #[test]
    fn what_names_no_secret_is_an_ordinary_variable() {
        assert_eq!(found(&[("A_VAULT", "env://X")]), [("A".to_owned(), Ok("env://X".to_owned()))]);
        assert_eq!(found(&[("A_OAUTH_TTL", "900")]), []);
        assert_eq!(found(&[("A_VAULT", "https://vault.example"), ("A_OAUTH_TTL", "900")]), []);
        assert_eq!(found(&[("_VAULT", "env://X"), ("_OAUTH_TTL", "900")]), []);
    }

    #[test]
    fn a_pair_that_makes_no_reference_says_which_of_the_two_is_wrong_and_why() {
        let invalid = |variable: &str, why| [("A".to_owned(), Err(InvalidPair { variable: variable.to_owned(), why }))];
        assert_eq!(found(&[("A_VAULT", "env://X"), ("A_OAUTH_TTL", "0")]), invalid("A_OAUTH_TTL", InvalidReference::Ttl));
        assert_eq!(found(&[("A_VAULT", "vault://x"), ("A_OAUTH_TTL", "60")]), invalid("A_VAULT", InvalidReference::VaultPath));
    }
}
