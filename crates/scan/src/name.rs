//! What does the name of a value promise? `GITHUB_TOKEN` a secret, `TOKEN_TTL` a number, `CREDENTIALS_PATH` a file.

/// What a name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A key: made by a machine, so it looks random.
    Key,
    /// Nothing about secrets.
    Nothing,
    /// A name, a path, an address, a size: something beside a secret, not the secret.
    Other,
    /// A password: may be made by a person.
    Password,
    /// Meant to be public.
    Public,
    /// The words or the bytes of a wallet.
    Wallet,
}

/// Judges a name by its words; the last words decide.
pub(crate) fn promise(name: &str) -> Promise {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.binary_search(&word.as_str()).is_ok());
    let joined = words.join("_");
    let last = words.last().map_or("", String::as_str);
    if has(PUBLIC) || PUBLIC_NAMES.iter().any(|public| joined.ends_with(public)) {
        return Promise::Public;
    }
    if OTHER_ENDINGS.binary_search(&last).is_ok() || OTHER_NAMES.iter().any(|other| joined.ends_with(other)) {
        return Promise::Other;
    }
    if has(WALLET) || joined.contains("private_key") {
        return Promise::Wallet;
    }
    if has(PASSWORD) || PASSWORD_ENDINGS.iter().any(|ending| last.ends_with(ending)) {
        return Promise::Password;
    }
    if has(KEY) || KEY_ENDINGS.iter().any(|ending| last.ends_with(ending)) {
        return Promise::Key;
    }
    Promise::Nothing
}

/// The words of a name in lower case: `apiKey`, `API_KEY` and `--api-key` are the same two.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_alphanumeric() {
            before = ' ';
            continue;
        }
        let begins = before == ' ' || before.is_lowercase() && character.is_uppercase();
        match words.last_mut() {
            Some(word) if !begins => word.extend(character.to_lowercase()),
            _ => words.push(character.to_lowercase().collect()),
        }
        before = character;
    }
    words
}

// Words are looked up in sorted lists: every name of every file is.
const PUBLIC: &[&str] = &["anon", "pubkey", "public", "publishable", "sitekey"];
const PUBLIC_NAMES: &[&str] =
    &["public_key", "site_key", "client_id", "app_id", "measurement_id", "authorization_server", "authorization_endpoint"];
const OTHER_ENDINGS: &[&str] = &[
    "address",
    "age",
    "algorithm",
    "alias",
    "arn",
    "audience",
    "author",
    "count",
    "db",
    "dir",
    "directory",
    "domain",
    "driver",
    "email",
    "enabled",
    "endpoint",
    "expires",
    "expiry",
    "file",
    "filename",
    "folder",
    "format",
    "header",
    "headers",
    "host",
    "hostname",
    "id",
    "ids",
    "interval",
    "issuer",
    "kind",
    "length",
    "level",
    "lifetime",
    "limit",
    "location",
    "max",
    "method",
    "min",
    "minutes",
    "mode",
    "model",
    "name",
    "names",
    "origin",
    "params",
    "path",
    "paths",
    "port",
    "prefix",
    "project",
    "provider",
    "region",
    "required",
    "scope",
    "scopes",
    "seconds",
    "server",
    "size",
    "source",
    "store",
    "suffix",
    "team",
    "template",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "user",
    "username",
    "var",
    "version",
    "visible",
];
const OTHER_NAMES: &[&str] = &[
    "project_key",
    "sort_key",
    "partition_key",
    "primary_key",
    "foreign_key",
    "space_key",
    "issue_key",
    "max_tokens",
    "object_key",
    "file_key",
];
const WALLET: &[&str] = &["mnemonic", "privatekey", "privkey", "seed", "wallet"];
const PASSWORD: &[&str] = &[
    "adgangskode",
    "contrasena",
    "contraseña",
    "haslo",
    "hasło",
    "heslo",
    "jelszo",
    "jelszó",
    "kennwort",
    "losenord",
    "lösenord",
    "parola",
    "pass",
    "passe",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "pw",
    "pwd",
    "salasana",
    "senha",
    "sifre",
    "sifresi",
    "wachtwoord",
    "şifre",
    "şifresi",
    "пароль",
    "パスワード",
    "密码",
    "密碼",
    "비밀번호",
];
const KEY: &[&str] = &[
    "accesskey",
    "anahtar",
    "anahtari",
    "anahtarı",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "bearer",
    "chave",
    "chiave",
    "clave",
    "cle",
    "clé",
    "cookie",
    "credential",
    "credentials",
    "creds",
    "geheimnis",
    "hmac",
    "jeton",
    "jwt",
    "key",
    "keys",
    "klucz",
    "nyckel",
    "pat",
    "schluessel",
    "schlüssel",
    "secret",
    "secretkey",
    "secreto",
    "secrets",
    "segredo",
    "segreto",
    "sleutel",
    "token",
    "webhook",
    "ключ",
    "секрет",
    "токен",
    "トークン",
    "令牌",
    "密鑰",
    "密钥",
    "토큰",
];
const KEY_ENDINGS: &[&str] = &["key", "token", "secret"];
const PASSWORD_ENDINGS: &[&str] = &["password", "passwd"];

#[cfg(test)]
mod tests {
    use super::{KEY, OTHER_ENDINGS, PASSWORD, PUBLIC, Promise, WALLET, promise};

    #[test]
    fn the_lists_that_are_searched_are_sorted() {
        for list in [KEY, OTHER_ENDINGS, PASSWORD, PUBLIC, WALLET] {
            assert!(list.is_sorted(), "{list:?}");
        }
    }

    #[test]
    fn the_last_words_of_a_name_decide() {
        for (name, expected) in [
            ("GITHUB_TOKEN", Promise::Key),
            ("x-api-key", Promise::Key),
            ("apiKey", Promise::Key),
            ("--access-token", Promise::Key),
            ("AWS_ACCESS_KEY_ID", Promise::Other),
            ("TOKEN_TTL", Promise::Other),
            ("GDRIVE_CREDENTIALS_PATH", Promise::Other),
            ("JIRA_PROJECT_KEY", Promise::Other),
            ("COINBASE_API_KEY_NAME", Promise::Other),
            ("DOCS_PUBLIC_KEY", Promise::Public),
            ("SUPABASE_ANON_KEY", Promise::Public),
            ("ODOO_PASSWORD", Promise::Password),
            ("DEPLOYER_PRIVATE_KEY", Promise::Wallet),
            ("LOG_LEVEL", Promise::Other),
            ("MONKEYS", Promise::Nothing),
        ] {
            assert_eq!(promise(name), expected, "{name}");
        }
    }
}
