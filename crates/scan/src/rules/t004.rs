//! Do prompts and keys go to the model, or to somebody between?

use super::{Example, Rule};
use crate::Case;
use crate::classify::is_placeholder;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::secrets::address::Address;

pub(super) const RULE: Rule = Rule {
    id: "T004",
    title: "model behind an unknown address",
    severity: Severity::Medium,
    owasp: "MCP07:2025",
    cwe: 923,
    advice: "remove it, or name a host that you know: whoever answers there reads every prompt and gets the key",
    example: Example {
        file: "settings.json",
        bad: r#"{"env":{"ANTHROPIC_BASE_URL":"https://cheap-models.dev"}}"#,
        good: r#"{"env":{"ANTHROPIC_BASE_URL":"https://api.anthropic.com","OPENAI_BASE_URL":"http://localhost:11434/v1"}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let settings = case.model.settings.iter().filter(|setting| setting.place != Place::Comment && ENDPOINTS.contains(&&*setting.name));
    let strange = settings.filter(|setting| {
        let address = Address::read(&setting.text).filter(|address| !address.host.is_empty());
        address.is_some_and(|address| {
            !address.is_loopback()
                && !is_known(address.host)
                && !is_the_teams(case, address.host)
                && !is_placeholder(&setting.name, &setting.text)
        })
    });
    strange
        .map(|setting| Remark::new(Category::ModelEndpoint, setting.span.clone(), "prompts and the key of the model go to this host"))
        .collect()
}

fn is_the_teams(case: &Case<'_>, host: &str) -> bool {
    case.source.policy.model_hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
}

/// A vendor of models, or a host that only this network has.
fn is_known(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let is_private = !host.contains('.')
        || [".local", ".internal", ".lan", ".corp", ".home.arpa"].iter().any(|ending| host.ends_with(ending))
        || ["10.", "192.168.", "$", "{"].iter().any(|start| host.starts_with(start));
    is_private || VENDORS.iter().any(|vendor| host == *vendor || host.ends_with(&format!(".{vendor}")))
}

const ENDPOINTS: &[&str] = &[
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_URL",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "OPENAI_API_BASE_URL",
    "GEMINI_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
    "MISTRAL_BASE_URL",
    "AZURE_OPENAI_ENDPOINT",
];
const VENDORS: &[&str] = &[
    "anthropic.com",
    "openai.com",
    "openai.azure.com",
    "cognitiveservices.azure.com",
    "services.ai.azure.com",
    "googleapis.com",
    "amazonaws.com",
    "mistral.ai",
    "openrouter.ai",
    "groq.com",
    "deepseek.com",
    "together.xyz",
    "fireworks.ai",
    "cerebras.ai",
    "x.ai",
    "perplexity.ai",
    "huggingface.co",
    "nvidia.com",
    "cloudflare.com",
    "aliyuncs.com",
    "moonshot.ai",
    "moonshot.cn",
    "bigmodel.cn",
    "z.ai",
];
