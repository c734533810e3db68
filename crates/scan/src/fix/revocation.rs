//! Where is a secret revoked that too many have seen? By how its vendor begins it, by the host that it opens, by the words of its name.

/// The page of the vendor.
pub(super) fn page(name: &str, value: &str, host: Option<&str>) -> Option<&'static str> {
    let by_value = || PREFIXES.iter().find(|(prefix, _)| value.starts_with(prefix));
    let by_host = || HOSTS.iter().find(|(domain, _)| host.is_some_and(|host| host == *domain || host.ends_with(&format!(".{domain}"))));
    let words = crate::name::words(name).join("_");
    let by_name = || NAMES.iter().find(|(word, _)| format!("_{words}_").contains(&format!("_{word}_")));
    by_value().or_else(by_host).or_else(by_name).map(|(_, page)| *page)
}

const GITHUB: &str = "https://github.com/settings/tokens";
const GITLAB: &str = "https://gitlab.com/-/user_settings/personal_access_tokens";
const SLACK: &str = "https://api.slack.com/apps";
const OPENAI: &str = "https://platform.openai.com/api-keys";
const ANTHROPIC: &str = "https://console.anthropic.com/settings/keys";
const SUPABASE: &str = "https://supabase.com/dashboard/account/tokens";
const STRIPE: &str = "https://dashboard.stripe.com/apikeys";
const AWS: &str = "https://console.aws.amazon.com/iam/home#/security_credentials";
const GOOGLE: &str = "https://console.cloud.google.com/apis/credentials";
const ZAPIER: &str = "https://mcp.zapier.com";
const SMITHERY: &str = "https://smithery.ai/account/api-keys";
const NOTION: &str = "https://www.notion.so/profile/integrations";
const FIRECRAWL: &str = "https://www.firecrawl.dev/app/api-keys";

/// The longer ones of two that begin alike come first.
const PREFIXES: &[(&str, &str)] = &[
    ("ghp_", GITHUB),
    ("gho_", GITHUB),
    ("ghu_", GITHUB),
    ("ghs_", GITHUB),
    ("github_pat_", GITHUB),
    ("glpat-", GITLAB),
    ("xoxb-", SLACK),
    ("xoxp-", SLACK),
    ("xapp-", SLACK),
    ("sk-ant-", ANTHROPIC),
    ("sk-or-", "https://openrouter.ai/settings/keys"),
    ("sk-proj-", OPENAI),
    ("sk-svcacct-", OPENAI),
    ("sbp_", SUPABASE),
    ("sb_secret_", SUPABASE),
    ("sk_live_", STRIPE),
    ("rk_live_", STRIPE),
    ("AKIA", AWS),
    ("AIza", GOOGLE),
    ("AQ.", GOOGLE),
    ("GOCSPX-", GOOGLE),
    ("ntn_", NOTION),
    ("lin_api_", "https://linear.app/settings/account/security"),
    ("figd_", "https://www.figma.com/settings"),
    ("sntrys_", "https://sentry.io/settings/auth-tokens/"),
    ("sntryu_", "https://sentry.io/settings/account/api/auth-tokens/"),
    ("pplx-", "https://www.perplexity.ai/account/api/keys"),
    ("fc-", FIRECRAWL),
    ("tvly-", "https://app.tavily.com/home"),
    ("hf_", "https://huggingface.co/settings/tokens"),
    ("napi_", "https://console.neon.tech/app/settings/api-keys"),
    ("ATATT", "https://id.atlassian.com/manage-profile/security/api-tokens"),
    ("npm_", "https://www.npmjs.com/settings/~/tokens"),
    ("dop_v1_", "https://cloud.digitalocean.com/account/api/tokens"),
    ("pat-", "https://app.hubspot.com/private-apps"),
];

const HOSTS: &[(&str, &str)] = &[
    ("zapier.com", ZAPIER),
    ("smithery.ai", SMITHERY),
    ("hooks.slack.com", SLACK),
    ("composio.dev", "https://platform.composio.dev"),
    ("api.telegram.org", "https://t.me/BotFather"),
    ("alchemy.com", "https://dashboard.alchemy.com"),
    ("infura.io", "https://developer.metamask.io"),
];

const NAMES: &[(&str, &str)] = &[
    ("github", GITHUB),
    ("gitlab", GITLAB),
    ("slack", SLACK),
    ("openai", OPENAI),
    ("anthropic", ANTHROPIC),
    ("supabase", SUPABASE),
    ("stripe", STRIPE),
    ("aws", AWS),
    ("gemini", "https://aistudio.google.com/apikey"),
    ("goog", GOOGLE),
    ("google", GOOGLE),
    ("notion", NOTION),
    ("brave", "https://api-dashboard.search.brave.com/app/keys"),
    ("firecrawl", FIRECRAWL),
    ("tavily", "https://app.tavily.com/home"),
    ("exa", "https://dashboard.exa.ai/api-keys"),
    ("elevenlabs", "https://elevenlabs.io/app/settings/api-keys"),
    ("clerk", "https://dashboard.clerk.com"),
    ("cloudflare", "https://dash.cloudflare.com/profile/api-tokens"),
    ("vercel", "https://vercel.com/account/settings/tokens"),
    ("linear", "https://linear.app/settings/account/security"),
    ("sentry", "https://sentry.io/settings/account/api/auth-tokens/"),
    ("jira", "https://id.atlassian.com/manage-profile/security/api-tokens"),
    ("confluence", "https://id.atlassian.com/manage-profile/security/api-tokens"),
    ("neon", "https://console.neon.tech/app/settings/api-keys"),
    ("airtable", "https://airtable.com/create/tokens"),
    ("discord", "https://discord.com/developers/applications"),
    ("telegram", "https://t.me/BotFather"),
    ("kraken", "https://pro.kraken.com/app/settings/api"),
    ("mem0", "https://app.mem0.ai/dashboard/api-keys"),
];

#[cfg(test)]
mod tests {
    use super::{AWS, GITHUB, ZAPIER, page};

    #[test]
    fn the_value_says_more_than_the_host_and_the_host_more_than_the_name() {
        assert_eq!(page("SLACK_TOKEN", "ghp_x", Some("mcp.zapier.com")), Some(GITHUB));
        assert_eq!(page("token", "x", Some("mcp.zapier.com")), Some(ZAPIER));
        assert_eq!(page("AWS_SECRET_ACCESS_KEY", "x", None), Some(AWS));
        assert_eq!(page("NEXAMPLE_KEY", "x", Some("notzapier.com")), None);
    }
}
