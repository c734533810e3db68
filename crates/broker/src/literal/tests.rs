//! Who is accused, and who is not.

use super::*;

/// Put together here so that this file itself holds no text of a provider's form.
fn key(prefix: &str, rest: &str) -> String {
    format!("{prefix}{rest}")
}

const REST: &str = "Zk3vQ9xT1mW7rB5nY2cH8dJ4fL6gP0sA3uE9";

#[test]
fn keys_of_known_providers_are_accused_under_any_name() {
    let rows =
        [("ghp_", "GitHub"), ("sk-ant-", "Anthropic"), ("sk-proj-", "OpenAI"), ("xoxb-", "Slack"), ("AKIA", "AWS"), ("hvs.", "Vault")];
    for (prefix, provider) in rows {
        let key = key(prefix, REST);
        for value in [key.clone(), format!("Bearer {key}"), format!("--api={key}"), format!("\"{key}\"")] {
            assert_eq!(looks_like_secret("args", &value), Some(Why::ProviderKey(provider)), "{value}");
        }
    }
}

#[test]
fn tokens_private_keys_and_passwords_in_urls_are_accused() {
    let token = format!("{}.{}.{REST}", key("eyJ", "hbGciOiJIUzI1NiJ9"), key("eyJ", "zdWIiOiJhIn0xyz"));
    assert_eq!(looks_like_secret("Authorization", &format!("Bearer {token}")), Some(Why::JsonWebToken));
    let pem = format!("-----BEGIN {}-----\nMIIE\n", "RSA PRIVATE KEY");
    assert_eq!(looks_like_secret("x", &pem), Some(Why::PrivateKey));
    assert_eq!(looks_like_secret("url", "postgres://app:s3cr3t@db/x"), Some(Why::PasswordInUrl));
    assert_eq!(looks_like_secret("url", "redis://:s3cr3t@db"), Some(Why::PasswordInUrl));
}

#[test]
fn random_text_is_accused_only_under_a_name_that_promises_a_secret() {
    for value in [REST, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"] {
        for name in ["API_KEY", "github_token", "client-secret", "DB_PASSWORD", "Authorization"] {
            assert_eq!(looks_like_secret(name, value), Some(Why::HighEntropy), "{name}={value}");
        }
        assert_eq!(looks_like_secret("IMAGE_DIGEST", value), None);
    }
}

#[test]
fn ordinary_values_are_not_accused() {
    let rows = [
        ("API_KEY", ""),
        ("API_KEY", "changeme"),
        ("API_KEY", "<your-api-key-goes-here-1>"),
        ("API_KEY", "your_api_key_goes_here_12345"),
        ("API_KEY", "xxxxxxxxxxxxxxxxxxxxxxxx1234"),
        ("API_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1"),
        ("TOKEN_URL", "https://idp.example/oauth2/token"),
        ("TOKEN_ENDPOINT", "https://login.example.com/00000000/v2.0"),
        ("KEY_FILE", "/etc/claviger/certificates/server.key"),
        ("PASSWORD", "correct horse battery staple"),
        ("SECRET_NAME", "production-database-password"),
        ("KEY", "short1"),
        ("TOKEN_FILE", "/var/run/secrets/kubernetes.io/serviceaccount2/token"),
        ("API_TOKEN", "/var/run/secrets/kubernetes.io/serviceaccount22/token"),
        ("SECRET", "production-eu-west-1-database-password-22"),
        ("SSH_PUBLIC_KEY", "AAAAC3NzaC1lZDI1NTE5AAAAIJq0gd2l8Z3v0m9c7k5x4w1y6t2u8r"),
        ("url", "https://example.com/user:pass@x"),
        ("url", "https://user@example.com/"),
        ("url", "postgres://app:<password>@db/x"),
        ("url", "postgres://app:changeme@db/x"),
        ("args", "sk-learn"),
        ("args", "ghp_short"),
        ("args", "eyJust.a.text"),
        ("package", "@modelcontextprotocol/server-everything@2025.9.25"),
    ];
    for (name, value) in rows {
        assert_eq!(looks_like_secret(name, value), None, "{name}={value}");
    }
}

#[test]
fn accusation_never_quotes_the_value() {
    let key = key("ghp_", REST);
    assert_eq!(looks_like_secret("x", &key).unwrap().to_string(), "a key of GitHub");
}
