//! What does the running door log, and how? Lines on stderr; no dependency may log bodies or tokens through us.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging. `wanted` comes from `CLAVIGER_LOG`, such as `info` or `door=debug`.
pub(crate) fn start(wanted: Option<&str>) {
    let builder = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    let filter = match wanted.map(|wanted| builder.clone().parse(wanted)) {
        Some(Ok(filter)) => filter,
        Some(Err(_)) => {
            crate::voice::warn("`CLAVIGER_LOG` cannot be read as a log filter; the usual one is used");
            builder.parse_lossy(USUAL)
        }
        None => builder.parse_lossy(USUAL),
    };
    // These log requests, results or headers at their lower levels; whatever is wanted of us, they stay at warnings.
    let filter = CHATTY.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive);
    let logged = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).try_init();
    if logged.is_err() {
        crate::voice::warn("logging was started twice");
    }
}

const USUAL: &str = "warn,door=info,upstream=info";
const CHATTY: [&str; 16] = [
    "aws_config=warn",
    "aws_credential_types=warn",
    "aws_runtime=warn",
    "aws_sdk_secretsmanager=warn",
    "aws_sdk_sts=warn",
    "aws_sigv4=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_runtime_api=warn",
    "azure_core=warn",
    "azure_identity=warn",
    "h2=warn",
    "hyper=warn",
    "hyper_util=warn",
    "rmcp=warn",
    "rustls=warn",
    "typespec_client_core=warn",
];
