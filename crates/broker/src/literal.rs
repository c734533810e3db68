//! Does this value look like a secret that somebody wrote out? Careful to accuse: a wrong yes stops the door from starting.

use std::fmt;

/// Why a value looks like a secret. Says nothing of the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// A name that promises a secret, and a value that no person would make up.
    HighEntropy,
    /// Three dot-separated parts beginning with `eyJ`: a signed token.
    JsonWebToken,
    /// `scheme://user:password@host`.
    PasswordInUrl,
    /// A private key in PEM form.
    PrivateKey,
    /// The form of this provider's keys.
    ProviderKey(&'static str),
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HighEntropy => formatter.write_str("a random text under a name that promises a secret"),
            Self::JsonWebToken => formatter.write_str("a signed token"),
            Self::PasswordInUrl => formatter.write_str("a URL with a password"),
            Self::PrivateKey => formatter.write_str("a private key"),
            Self::ProviderKey(provider) => write!(formatter, "a key of {provider}"),
        }
    }
}

/// Looks at a written-out `value` and the `name` of the setting, header or variable that it stands under. `None` is no proof of innocence.
pub fn looks_like_secret(name: &str, value: &str) -> Option<Why> {
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----") {
        return Some(Why::PrivateKey);
    }
    if has_password_in_url(value) {
        return Some(Why::PasswordInUrl);
    }
    // A credential is often one word of several: `Bearer …`, `--token=…`.
    value.split(|letter: char| letter.is_whitespace() || matches!(letter, '=' | ',' | ';' | '"' | '\'')).find_map(|word| judge(name, word))
}

/// Whether there may be a secret anywhere in a text that is to be shown. Quick to suspect: a wrong yes costs a few stars.
pub fn may_hold_secret(name: &str, text: &str) -> bool {
    let is_glued = |key: &ProviderKey| text.match_indices(key.prefix).any(|(at, _)| text.get(at..).is_some_and(|rest| key.begins(rest)));
    let mut words = text.split(|letter| !is_token_letter(letter));
    looks_like_secret(name, text).is_some() || words.any(|word| judge(name, word).is_some()) || PROVIDER_KEYS.iter().any(is_glued)
}

fn judge(name: &str, word: &str) -> Option<Why> {
    if is_json_web_token(word) {
        return Some(Why::JsonWebToken);
    }
    let provider = PROVIDER_KEYS.iter().find(|key| key.matches(word));
    if let Some(key) = provider {
        return Some(Why::ProviderKey(key.provider));
    }
    (promises_secret(name) && looks_random(word)).then_some(Why::HighEntropy)
}

fn has_password_in_url(value: &str) -> bool {
    value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
        userinfo.and_then(|userinfo| userinfo.split_once(':')).is_some_and(|(_, password)| !is_placeholder(password))
    })
}

fn is_json_web_token(word: &str) -> bool {
    let mut parts = word.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    header.starts_with("eyJ")
        && claims.starts_with("eyJ")
        && [header, claims, signature].iter().all(|part| part.len() >= 16 && is_token(part))
}

/// `GITHUB_TOKEN` does; `TOKEN_URL`, `KEY_FILE` and `PUBLIC_KEY` do not.
fn promises_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_secret = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTHORIZATION"].iter().any(|word| name.contains(word));
    let is_about_it = ["FILE", "PATH", "DIR", "URL", "URI", "NAME", "ENDPOINT"].iter().any(|ending| name.ends_with(ending));
    is_secret && !is_about_it && !name.contains("PUBLIC")
}

/// At least 24 letters of a token, with a stretch that mixes letters and digits, spread as if by chance. Words, paths and names with dashes
/// repeat themselves more.
fn looks_random(word: &str) -> bool {
    let is_path = word.starts_with(['/', '.', '~']);
    if word.len() < MIN_RANDOM_BYTES || is_path || !is_token(word) || is_placeholder(word) {
        return false;
    }
    let is_mixed = |stretch: &str| {
        let digits = stretch.bytes().filter(u8::is_ascii_digit).count();
        stretch.len() >= MIN_STRETCH_BYTES && digits >= 2 && digits < stretch.len()
    };
    word.split(|letter: char| !letter.is_ascii_alphanumeric()).any(is_mixed) && bits_per_letter(word) >= MIN_BITS_PER_LETTER
}

/// The letters of base64, base64url and hexadecimal.
fn is_token(word: &str) -> bool {
    word.chars().all(is_token_letter)
}

fn is_token_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '+' | '/' | '=' | '~' | '.')
}

/// What documentation writes where a secret goes.
fn is_placeholder(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let says_so = ["your", "example", "changeme", "change-me", "change_me", "placeholder", "xxxx", "dummy", "redacted", "****", "${", "<"];
    word.is_empty() || says_so.iter().any(|marker| word.contains(marker))
}

/// Shannon's measure of the letters' frequencies.
fn bits_per_letter(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for letter in word.bytes() {
        if let Some(count) = counts.get_mut(usize::from(letter)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|share| -share * share.log2()).sum()
}

/// The fixed beginning of a provider's keys and the least length of the rest.
struct ProviderKey {
    provider: &'static str,
    prefix: &'static str,
    rest_bytes: usize,
}

impl ProviderKey {
    const fn new(provider: &'static str, prefix: &'static str, rest_bytes: usize) -> Self {
        Self { provider, prefix, rest_bytes }
    }

    fn matches(&self, word: &str) -> bool {
        word.strip_prefix(self.prefix).is_some_and(|rest| rest.len() >= self.rest_bytes && is_token(rest) && !is_placeholder(rest))
    }

    /// Whether the text begins with such a key, whatever follows it.
    fn begins(&self, text: &str) -> bool {
        let rest = text.strip_prefix(self.prefix).unwrap_or_default();
        rest.find(|letter| !is_token_letter(letter)).unwrap_or(rest.len()) >= self.rest_bytes
    }
}

const MIN_RANDOM_BYTES: usize = 24;
const MIN_STRETCH_BYTES: usize = 12;
/// Random hexadecimal of 32 letters has about 3.6, random base64 about 4.5, English words about 3.5 at this length.
const MIN_BITS_PER_LETTER: f64 = 3.2;
const PROVIDER_KEYS: [ProviderKey; 26] = [
    ProviderKey::new("Anthropic", "sk-ant-", 20),
    ProviderKey::new("AWS", "AKIA", 16),
    ProviderKey::new("AWS", "ASIA", 16),
    ProviderKey::new("Brave", "BSA", 27),
    ProviderKey::new("Docker", "dckr_pat_", 20),
    ProviderKey::new("GitHub", "ghp_", 30),
    ProviderKey::new("GitHub", "gho_", 30),
    ProviderKey::new("GitHub", "ghs_", 30),
    ProviderKey::new("GitHub", "ghu_", 30),
    ProviderKey::new("GitHub", "ghr_", 30),
    ProviderKey::new("GitHub", "github_pat_", 30),
    ProviderKey::new("GitLab", "glpat-", 20),
    ProviderKey::new("Google", "AIza", 35),
    ProviderKey::new("Google", "GOCSPX-", 20),
    ProviderKey::new("Hugging Face", "hf_", 30),
    ProviderKey::new("npm", "npm_", 30),
    ProviderKey::new("OpenAI", "sk-proj-", 20),
    ProviderKey::new("OpenAI", "sk-", 40),
    ProviderKey::new("PyPI", "pypi-", 50),
    ProviderKey::new("SendGrid", "SG.", 40),
    ProviderKey::new("Slack", "xoxb-", 20),
    ProviderKey::new("Slack", "xoxp-", 20),
    ProviderKey::new("Slack", "xapp-", 20),
    ProviderKey::new("Stripe", "sk_live_", 16),
    ProviderKey::new("Stripe", "rk_live_", 16),
    ProviderKey::new("Vault", "hvs.", 20),
];

#[cfg(test)]
mod tests;
