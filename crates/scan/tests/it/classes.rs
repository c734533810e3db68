//! Values by class: what is reported, and what is left alone.

use claviger_scan::{Category, FingerprintKey, Source, examine};

fn categories(name: &str, text: &str) -> Vec<(Category, usize)> {
    let source = Source { name, text, mode: Some(0o600), committable: None };
    let examination = examine(source, &FingerprintKey::new(b"test"));
    examination.findings.iter().map(|finding| (finding.category, text[..finding.span.start].matches('\n').count() + 1)).collect()
}

fn is_secret(category: Category) -> bool {
    matches!(category, Category::HardcodedSecret | Category::SecretInArgs | Category::SecretInUrl)
}

/// How many secrets are seen in one file.
fn secrets(name: &str, text: &str) -> usize {
    categories(name, text).into_iter().filter(|(category, _)| is_secret(*category)).count()
}

fn server(fields: &str) -> String {
    format!(r#"{{"mcpServers":{{"a":{{{fields}}}}}}}"#)
}

fn env(name: &str, value: &str) -> String {
    server(&format!(r#""command":"x","env":{{"{name}":"{value}"}}"#))
}

fn arguments(list: &str) -> String {
    server(&format!(r#""command":"x","args":[{list}]"#))
}

#[test]
fn a_live_value_is_seen_under_any_name_that_promises_one() {
    let missed: Vec<&(&str, &str)> = LIVE.iter().filter(|(name, value)| secrets(".mcp.json", &env(name, value)) != 1).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn what_is_no_secret_is_left_alone() {
    let seen: Vec<&(&str, &str)> = HARMLESS.iter().filter(|(name, value)| secrets(".mcp.json", &env(name, value)) != 0).collect();
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn a_secret_is_seen_wherever_an_argument_may_hold_it() {
    let missed: Vec<&&str> = LIVE_ARGUMENTS.iter().filter(|list| secrets(".mcp.json", &arguments(list)) != 1).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn harmless_arguments_are_left_alone() {
    let seen: Vec<&&str> = HARMLESS_ARGUMENTS.iter().filter(|list| secrets(".mcp.json", &arguments(list)) != 0).collect();
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn a_secret_is_seen_in_an_address() {
    let of = |url: &str| secrets(".mcp.json", &server(&format!(r#""url":"{url}""#)));
    let missed: Vec<&&str> = LIVE_ADDRESSES.iter().filter(|url| of(url) != 1).collect();
    let seen: Vec<&&str> = HARMLESS_ADDRESSES.iter().filter(|url| of(url) != 0).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn the_check_of_certificates_is_seen_with_its_polarity() {
    let of = |(name, value): &&(&str, &str)| {
        categories(".env", &format!("{name}={value}\n")).iter().any(|(category, _)| *category == Category::TlsVerificationDisabled)
    };
    let missed: Vec<&(&str, &str)> = TLS_OFF.iter().filter(|pair| !of(pair)).collect();
    let seen: Vec<&(&str, &str)> = TLS_ON.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_package_is_seen_through_shells_and_wrappers() {
    let of = |(command, list): &&(&str, &str)| {
        let text = server(&format!(r#""command":"{command}","args":[{list}]"#));
        categories(".mcp.json", &text).iter().any(|(category, _)| *category == Category::UnpinnedPackage)
    };
    let missed: Vec<&(&str, &str)> = UNPINNED.iter().filter(|pair| !of(pair)).collect();
    let seen: Vec<&(&str, &str)> = PINNED.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_lifetime_is_read_with_its_unit() {
    let of = |line: &&&str| categories(".env", line).iter().any(|(category, _)| *category == Category::ExcessiveTtl);
    let missed: Vec<&&str> = LONG_LIVED.iter().filter(|line| !of(line)).collect();
    let seen: Vec<&&str> = SHORT_LIVED.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn a_file_root_is_broad_when_it_holds_everything() {
    let of = |path: &&&str| {
        let text = arguments(&format!(r#""-y","@modelcontextprotocol/server-filesystem@2025.8.21","{path}""#));
        categories(".mcp.json", &text).iter().any(|(category, _)| *category == Category::BroadFilesystemRoot)
    };
    let missed: Vec<&&str> = BROAD.iter().filter(|path| !of(path)).collect();
    let seen: Vec<&&str> = NARROW.iter().filter(of).collect();
    assert!(missed.is_empty() && seen.is_empty(), "missed {missed:?}, seen {seen:?}");
}

#[test]
fn every_line_of_a_mnemonic_a_pem_and_a_nested_string_is_placed() {
    let text = "{\n\"mcpServers\":{\"a\":{\"command\":\"x\",\"env\":{\n\"W\":\"legal winner thank year wave sausage worth useful legal winner thank yellow\",\n\"C\":\"{\\\"token\\\":\\\"8x8e0Z5O4xPc7gHg9b\\\"}\"}}}}";
    let lines: Vec<usize> =
        categories(".mcp.json", text).into_iter().filter(|(category, _)| is_secret(*category)).map(|(_, line)| line).collect();
    assert_eq!(lines, [3, 4]);
}

const LIVE: &[(&str, &str)] = &[
    ("BRAVE_API_KEY", "BSAq7dK3mZpX91LwTnV4cRb8yHs2Gf"),
    ("NOTION_TOKEN", "ntn_38472910563Hq8ZtVbLmXw2RcPdKs6YjNf4TgUa"),
    ("GITHUB_PERSONAL_ACCESS_TOKEN", "github_pat_11ABCDEFG0z8Yx7Wv6Ut5Sr4Qp_3On2Ml1Kj0Ih9Gf8Ed7Cb6Az5Yx4Wv3Ut2Sr1Qp0On9Ml8Kj7"),
    ("OPENROUTER_API_KEY", "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"),
    ("DB_PASSWORD", "Summer2024!"),
    ("PGPASSWORD", "k8Vd2!qz"),
    ("SMTP_PASS", "qzvt bkxw mhjd rpcl"),
    ("REDMINE_API_KEY", "f3a9c1d27be84056913cd8f27ab4e5160c9d8e7f"),
    ("TELEGRAM_BOT_TOKEN", "7261849305:AAHq8ZtVbLmXw2RcPdKs6YjNf4TgUaQe1Zo"),
    ("X_API_SECRET", "aZbYcXdWeVfUgThSiRjQkPlOmNnMoLpK"),
    (
        "N8N_API_KEY",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI2MTdhMzQ1ZiIsImlzcyI6Im44biIsImF1ZCI6InB1YmxpYy1hcGkiLCJpYXQiOjE3NDE3NDMwMDN9.GVPJO5b-ti0JeqAlrIdJmXI2zWpNgZRdd7zQlKsYL9I",
    ),
    ("Authorization", "Bearer 9d3f1c7ae25b4086bc1e7f5a90d2c483"),
    ("DATABASE_URL", "mysql://app:8x8e0Z5O4xPc@db.corp.net:3306/app"),
    ("MONGODB_URI", "mongodb+srv://admin:Zq81mVt4xP@cluster0.ab1cd.mongodb.net/?retryWrites=true"),
    ("SQL_CONNECTION_STRING", "Server=tcp:db.corp.net;Database=x;User Id=sa;Password=Zq81!mVt4xP;Encrypt=true"),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/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"),
    ("RPC_URL", "https://eth-mainnet.g.alchemy.com/v2/Xq3vT8bKz1LmN0pRs7WyUc2Ed5Fg9Hj4"),
    ("SOLANA_PRIVATE_KEY", "4wBqpZM9xaSheZzJSMawUKKwhdpChKbZ5eu5ky4Vigw3ncR8oLkzjXJmY5Z3vAfKDdX1rWzVRF9bDDP7YnbD9uTS"),
    ("CONFLUENCE_TOKEN", "ATATT3xFfGF0aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0kP1lO2mN3=7F8A9B0C"),
    ("AZURE_CLIENT_SECRET", "Zq8~8Q~vT8bKz1LmN0pRs7WyUc2Ed5Fg9Hj4Kl"),
    ("GH", "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"),
    ("CF_API_TOKEN", "v1_0-aQz81mVt4xPq7dK3mZpX91LwTnV4cRb8yHs2"),
    ("JWT_SECRET", "7b1e9d3a4286bc1e7f5a90d2c4836eaf71b05d9c"),
    ("EMAIL_PASSWORD", "tigerlily77"),
    ("SESSION_COOKIE", "s%3Aq7dK3mZpX91LwTnV4cRb8yHs2Gf.8x8e0Z5O4xPc7gHg9b"),
];

const HARMLESS: &[(&str, &str)] = &[
    ("API_KEY", "REEMPLAZAR_CON_TU_CLAVE_API"),
    ("API_KEY", "hier-deinen-schluessel-eintragen"),
    ("API_KEY", "sk-xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("API_KEY", "sk-..."),
    ("API_KEY", "<your key>"),
    ("API_KEY", "{your_api_key}"),
    ("API_KEY", "[API_KEY]"),
    ("API_KEY", "YOUR-API-KEY-1234"),
    ("API_KEY", "abc123"),
    ("API_KEY", "123456789"),
    ("API_KEY", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("API_KEY", "test-key"),
    ("API_KEY", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("GITHUB_TOKEN", "ghp_your_token_here"),
    ("GITHUB_TOKEN", "github_pat_YOUR_TOKEN"),
    ("SLACK_BOT_TOKEN", "xoxb-your-bot-token"),
    ("TOKEN", "コードをここに"),
    ("TOKEN", "请输入您的密钥"),
    ("TOKEN", "${TOKEN:-}"),
    ("TOKEN", "Bearer $TOKEN"),
    ("TOKEN", "!security find-generic-password -s x -w"),
    ("TOKEN_FILE", "/run/secrets/token"),
    ("PRIVATE_KEY_PATH", "/home/x/.ssh/id_ed25519"),
    ("SSH_KEY", "~/.ssh/id_rsa"),
    ("API_KEY_HEADER", "X-Api-Key"),
    ("SECRET_NAME", "prod/brave-api-key-2024"),
    ("MAX_TOKENS", "8192"),
    ("OPENAI_MAX_TOKENS", "4096"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("SORT_KEY", "created_at"),
    ("CACHE_KEY_PREFIX", "mcp:v1:2024"),
    ("KEYBOARD_SHORTCUT", "ctrl+shift+down"),
    ("GIT_COMMIT", "9d3f1c7ae25b4086bc1e7f5a90d2c4839d3f1c7a"),
    ("TRACE_ID", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("TENANT_ID", "ebaec200-1b91-4386-a8d0-898e5828982d"),
    ("AZURE_CLIENT_ID", "ebaec200-1b91-4386-a8d0-898e5828982d"),
    ("PROJECT_REF", "mnfxcqpwvsprsrxmaxxt"),
    ("AUTH_METHOD", "oauth2"),
    ("AUTH_TYPE", "bearer"),
    ("AUTH_ENABLED", "true"),
    ("AUTH_URL", "https://auth.corp.net/oauth2/v2/authorize"),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_51Hq8ZtVbLmXw2RcPdKs6YjNf4TgUaQe1Zo"),
    ("SENTRY_DSN", "https://examplePublicKey@o0.ingest.sentry.io/0"),
    ("DATABASE_URL", "postgresql://user:password@localhost:5432/db"),
    ("DATABASE_URL", "postgresql://USER:PASSWORD@HOST:5432/DATABASE"),
    ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/app"),
    ("REDIS_URL", "redis://localhost:6379/0"),
    ("INTEGRITY", "sha512-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0kP1lO2mN3aZ1bY2cX3dW4eV5fU6gT7hS8=="),
    ("IMAGE_DIGEST", "sha256:b78a685341794f52b8339785d6717f19d933d5fccd6245a0f2f148827efcba4f"),
    ("ALGOLIA_SEARCH_KEY_NAME", "search2024"),
    ("PYTHONPATH", "/a/b:/c/d"),
    ("API_KEY", "your_32_char_key_0123456789abcdef"),
    ("API_KEY", "insert-key"),
    ("SMTP_PASS", "abcd efgh ijkl mnop"),
    ("SMTP_PASS", "xxxx xxxx xxxx xxxx"),
    ("API_KEY", "$(op read op://Dev/x/y)"),
    ("API_KEY", "env:API_KEY"),
    ("API_KEY", "secret-token"),
    ("AUTH_TOKEN", "optional"),
    ("LLM_API_KEY", "ollama"),
    ("OPENAI_API_KEY", "lm-studio"),
    ("OPENAI_API_KEY", "sk-no-key-required"),
    ("OPENAI_API_KEY", "sk-proj-..."),
    ("MNEMONIC", "test test test test test test test test test test test junk"),
    ("MNEMONIC", "word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11 word12"),
    ("PRIVATE_KEY", "0x..."),
    ("PRIVATE_KEY", "0x0000000000000000000000000000000000000000000000000000000000000000"),
    ("PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\\n...\\n-----END PRIVATE KEY-----\\n"),
    ("FIREBASE_CREDENTIALS", "./service-account.json"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/path/to/credentials.json"),
    ("PASSWORD", "your_secure_password_123"),
    ("DB_PASSWORD", "MY_PASSWORD"),
    ("DB_PASSWORD", "<DB_PASSWORD>"),
];

const LIVE_ARGUMENTS: &[&str] = &[
    r#""--api-key","f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""--key","ebaec201-1b92-4386-a8d0-898e5828982d""#,
    r#""--api-key=f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""API_KEY=f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""-e","API_KEY=f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""--env","API_KEY=f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""--header","Authorization: Bearer f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""--header","Authorization:Bearer f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""-H","X-Api-Key: f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""--header=x-api-key:f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""--config","{\"apiKey\":\"f3a9c1d27be84056913cd8f27ab4e516\"}""#,
    r#""--config={\"apiKey\":\"f3a9c1d27be84056913cd8f27ab4e516\"}""#,
    r#""f3a9c1d27be84056913cd8f27ab4e516""#,
    r#""postgresql://app:8x8e0Z5O4xPc@db.corp.net/app""#,
    r#""--connection-string","postgresql://app:8x8e0Z5O4xPc@db.corp.net/app""#,
    r#""--figma-api-key=figd_Zq81mVt4xPq7dK3mZpX91LwTnV4cRb8yHs2Gf""#,
    r#""-c","TOKEN=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 node server.js""#,
    r#""--password","Zq81!mVt4xP""#,
    r#""-p","Zq81mVt4xPq7dK3mZpX91LwTnV4cRb8y""#,
];

const HARMLESS_ARGUMENTS: &[&str] = &[
    r#""--project-ref","mnfxcqpwvsprsrxmaxxt""#,
    r#""--token","${TOKEN}""#,
    r#""--token","YOUR_TOKEN""#,
    r#""-y","@scope/some-long-package-name-2024""#,
    r#""some/image@sha256:b78a685341794f52b8339785d6717f19d933d5fccd6245a0f2f148827efcba4f""#,
    r#""--tenant","ebaec200-1b91-4386-a8d0-898e5828982d""#,
    r#""--client-id","ebaec200-1b91-4386-a8d0-898e5828982d""#,
    r#""/Users/dev/Library/Application Support/x/build/index.js""#,
    r#""git+https://github.com/x/y@0123456789012345678901234567890123456789""#,
    r#""--rev","9d3f1c7ae25b4086bc1e7f5a90d2c4839d3f1c7a""#,
    r#""--port","8080""#,
    r#""--token-file","/run/secrets/token""#,
    r#""https://remote.mcp.server/sse""#,
    r#""--features=account,docs,database,debug,development,functions,branching,storage""#,
    r#""https://docs.google.com/spreadsheets/d/6-yy9fsqXABx4bKRI8XLj70-KXzMy0ev2lhkkZGGHenR/edit""#,
    r#""-e","GITHUB_TOKEN""#,
];

const LIVE_ADDRESSES: &[&str] = &[
    "https://mcp.zapier.com/api/mcp/s/Zq81mVt4xPq7dK3mZpX91LwTnV4cRb8yHs2Gf/mcp",
    "https://mcp.composio.dev/composio/server/ebaec201-1b92-4386-a8d0-898e5828982d/mcp",
    "https://server.smithery.ai/exa/mcp?api_key=ebaec201-1b92-4386-a8d0-898e5828982d",
    "https://mcp.tavily.com/mcp/?tavilyApiKey=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",
    "https://mainnet.infura.io/v3/9d3f1c7ae25b4086bc1e7f5a90d2c483",
    "https://user:Zq81mVt4xP@mcp.corp.net/sse",
    "https://mcp.corp.net/sse?token=Zq81mVt4xPq7dK3mZpX91",
    "https://backend.composio.dev/v3/mcp/ebaec201-1b92-4386-a8d0-898e5828982d?user_id=x",
    "https://corp.app.n8n.cloud/mcp/ebaec201-1b92-4386-a8d0-898e5828982d/sse",
];

const HARMLESS_ADDRESSES: &[&str] = &[
    "https://mcp.supabase.com/mcp?project_ref=xnfutqnhuvqzmpormevm",
    "https://mcp.linear.app/sse",
    "https://mcp.corp.net/sse?token=${TOKEN}",
    "https://mcp.corp.net/sse?api_key=YOUR_API_KEY",
    "https://mcp.zapier.com/api/mcp/s/YOUR_SECRET_ID/mcp",
    "https://mcp.corp.net/v1/projects/my-long-project-name-2024/mcp",
    "https://atom-mcp-server-production.up.railway.app/mcp",
    "https://mcp.composio.dev/composio/server/<server-id>/mcp",
    "https://api.githubcopilot.com/mcp/",
];

const TLS_OFF: &[(&str, &str)] = &[
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ("PYTHONHTTPSVERIFY", "0"),
    ("GIT_SSL_NO_VERIFY", "true"),
    ("GIT_SSL_NO_VERIFY", "1"),
    ("WAZUH_VERIFY_SSL", "false"),
    ("PROXMOX_VERIFY_SSL", "False"),
    ("JIRA_SSL_VERIFY", "false"),
    ("CONFLUENCE_SSL_VERIFY", "no"),
    ("VAULT_SKIP_VERIFY", "true"),
    ("K8S_SKIP_TLS_VERIFY", "true"),
    ("GRAFANA_INSECURE", "true"),
    ("GRAFANA_TLS_SKIP_VERIFY", "true"),
    ("OPENSEARCH_SSL_VERIFY", "0"),
    ("ES_VERIFY_CERTS", "false"),
    ("ELASTICSEARCH_VERIFY_CERTS", "false"),
    ("ALLOW_INSECURE_TLS", "1"),
    ("PGSSLMODE", "disable"),
    ("CURL_INSECURE", "1"),
    ("UNIFI_VERIFY_TLS", "false"),
    ("DATABASE_URL", "postgres://app@db.corp.net/app?sslmode=disable"),
    ("TRUST_SERVER_CERTIFICATE", "true"),
    ("IGNORE_SSL_ERRORS", "true"),
    ("STRICT_SSL", "false"),
    ("npm_config_strict_ssl", "false"),
];

const TLS_ON: &[(&str, &str)] = &[
    ("NODE_TLS_REJECT_UNAUTHORIZED", "1"),
    ("VERIFY_SSL", "true"),
    ("SKIP_TLS_VERIFY", "false"),
    ("GRAFANA_INSECURE", "false"),
    ("PGSSLMODE", "verify-full"),
    ("PGSSLMODE", "require"),
    ("DATABASE_URL", "postgres://app@localhost/app?sslmode=disable"),
    ("MYSQL_SSL_REJECT_UNAUTHORIZED", "true"),
    ("EMAIL_VERIFICATION", "false"),
    ("VERIFY_TOKENS", "false"),
    ("SSL_CERT_FILE", "/etc/ssl/certs/ca.pem"),
];

const UNPINNED: &[(&str, &str)] = &[
    ("npx", r#""-y","some-server""#),
    ("cmd", r#""/c","npx","-y","some-server""#),
    ("cmd.exe", r#""/c","npx -y some-server@latest""#),
    ("bash", r#""-c","npx -y some-server""#),
    ("bash", r#""-lc","cd /x && exec npx -y some-server""#),
    ("sh", r#""-c","API=1 uvx some-server""#),
    ("npx -y some-server", ""),
    ("C:\\\\Program Files\\\\nodejs\\\\npx.cmd", r#""-y","some-server""#),
    ("npx", r#""-p","some-server","some-bin""#),
    ("uvx", r#""--from","some-server","some-bin""#),
    ("uvx", r#""--from","git+https://github.com/x/y","y""#),
    ("uvx", r#""--python","3.12","some-server""#),
    ("uv", r#""tool","run","some-server""#),
    ("uv", r#""run","--with","fastmcp","fastmcp","run","x.py""#),
    ("pipx", r#""run","some-server""#),
    ("bunx", r#""some-server""#),
    ("bun", r#""x","some-server""#),
    ("pnpm", r#""dlx","some-server""#),
    ("pnpm", r#""--package=some-server","dlx","some-bin""#),
    ("npm", r#""exec","--","some-server""#),
    ("npx", r#""-y","github:x/y""#),
    ("op", r#""run","--","npx","-y","some-server""#),
    ("docker", r#""run","-i","--rm","mcp/some""#),
    ("docker", r#""run","-i","--rm","-e","A","-v","/a:/b","some/image""#),
    ("docker", r#""run","--rm","-i","--network","none","--env-file",".env","some/image:latest""#),
    ("podman", r#""run","-i","docker.io/some/image""#),
    ("env", r#""A=1","npx","-y","some-server""#),
    ("wsl", r#""npx","-y","some-server""#),
    ("deno", r#""run","-A","npm:some-server""#),
];

const PINNED: &[(&str, &str)] = &[
    ("npx", r#""-y","some-server@1.2.3""#),
    ("npx", r#""-y","@scope/some-server@0.1.0-beta.3""#),
    ("uvx", r#""some-server==1.2.3""#),
    ("uvx", r#""--from","some-server==1.2.3","some-bin""#),
    ("node", r#""dist/index.js""#),
    ("npx", r#""./local""#),
    ("npx", r#""tsx@4.19.2","src/index.ts""#),
    ("uv", r#""--directory","/x","run","server.py""#),
    ("uv", r#""run","server.py""#),
    ("python", r#""-m","some_server""#),
    ("docker", r#""run","-i","some/image:1.2.3""#),
    ("docker", r#""mcp","gateway","run""#),
    ("docker", r#""exec","-i","some","node","x.js""#),
    ("docker", r#""compose","run","mcp""#),
    ("npm", r#""run","start""#),
];

const LONG_LIVED: &[&str] = &[
    "AUTH_TOKEN_TTL=604800\n",
    "JWT_EXPIRES_IN=7d\n",
    "JWT_EXPIRES_IN=\"30 days\"\n",
    "ACCESS_TOKEN_EXPIRE_MINUTES=10080\n",
    "token_ttl_seconds=86400\n",
    "expires_in=31536000\n",
    "TOKEN_LIFETIME_HOURS=24\n",
    "JWT_EXPIRATION=365d\n",
    "REFRESH_TOKEN_TTL=31536000\n",
    "OAUTH_TOKEN_EXPIRY_DAYS=90\n",
];

const SHORT_LIVED: &[&str] = &[
    "AUTH_TOKEN_TTL=900\n",
    "JWT_EXPIRES_IN=15m\n",
    "ACCESS_TOKEN_EXPIRE_MINUTES=60\n",
    "CACHE_TTL=604800\n",
    "TOKEN_CACHE_TTL=604800\n",
    "REFRESH_TOKEN_TTL=604800\n",
    "SESSION_TIMEOUT=86400\n",
    "MAX_TOKENS=100000\n",
    "expires_at=1893456000\n",
    "token_ttl_ms=900000\n",
];

const BROAD: &[&str] = &[
    "/",
    "~",
    "~/",
    "$HOME",
    "${HOME}",
    "/Users/someone",
    "/home/someone/",
    "C:\\\\",
    "C:/",
    "D:\\\\",
    "C:\\\\Users\\\\someone",
    "/Users/someone/Documents",
    "C:\\\\Users\\\\someone\\\\Desktop",
    "~/Downloads",
    "%USERPROFILE%",
    "${HOME}/Documents",
    "/root",
    "/Users",
    "C:\\\\Users",
];

const NARROW: &[&str] = &[
    ".",
    "./data",
    "/Users/someone/src/project",
    "/home/someone/project",
    "C:\\\\Users\\\\someone\\\\Documents\\\\notes",
    "~/Documents/notes",
    "/workspace",
    "${workspaceFolder}",
    "/data",
    "/projects",
    "D:\\\\projects\\\\x",
    "/srv/data",
];
