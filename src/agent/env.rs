//! Which of the daemon's environment variables an agent gets to see.
//!
//! An agent runs what a model says, so it gets what its tools need and nothing that is ours: the bot token in
//! an agent's environment would be one `env` away from a chat message.

use std::ffi::{OsStr, OsString};

/// Variables that are passed by their name.
const NAMES: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "COLORTERM",
    "TMPDIR",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GPG_AGENT_INFO",
    "DBUS_SESSION_BUS_ADDRESS",
    // The way to the network.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NIX_SSL_CERT_FILE",
    // Where toolchains live.
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOBIN",
    "JAVA_HOME",
    "ANDROID_HOME",
    "DOTNET_ROOT",
    "NVM_DIR",
    "NVM_BIN",
    "VOLTA_HOME",
    "FNM_DIR",
    "PNPM_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    "DENO_INSTALL",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PIPX_HOME",
    "UV_CACHE_DIR",
    "GEM_HOME",
    "GEM_PATH",
    "RBENV_ROOT",
    "MISE_DATA_DIR",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "NIX_PATH",
    "NIX_PROFILES",
    "DOCKER_HOST",
    "KUBECONFIG",
    "LD_LIBRARY_PATH",
    // Credentials of models and forges that are not named like the others.
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "COPILOT_GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "HF_TOKEN",
    "OLLAMA_HOST",
];

/// Variables that are passed by how their name begins: agents, model providers, locale and desktop.
const PREFIXES: &[&str] = &[
    "LC_",
    "XDG_",
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "ANTHROPIC_",
    "OPENAI_",
    "GEMINI_",
    "GOOGLE_",
    "AZURE_",
    "AWS_",
    "OPENROUTER_",
    "OLLAMA_",
    "PI_",
    "OMP_",
];

/// Ours: configuration of the daemon, whose names would match above.
const OURS: &[&str] = &[
    "OMP_COMMAND",
    "OMP_WORKDIR",
    "OMP_MODEL",
    "OMP_THINKING",
    "OMP_APPROVAL_MODE",
    "OMP_MAX_PROCESSES",
    "OMP_IDLE_TIMEOUT",
];

/// Ours or systemd's, whatever else the name looks like.
const OUR_PREFIXES: &[&str] = &["DISCORD_", "OMPCORD_", "OMP_LAUNCH_"];

/// The variables that an agent gets.
pub(super) fn allowed(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    vars.into_iter().filter(|(name, _)| is_allowed(name))
}

fn is_allowed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if OURS.contains(&name) || begins(OUR_PREFIXES) {
        return false;
    }
    NAMES.contains(&name) || begins(PREFIXES) || name.ends_with("_API_KEY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_get_what_they_need_and_nothing_that_is_ours() {
        let passed = [
            "PATH",
            "HOME",
            "LC_ALL",
            "XDG_RUNTIME_DIR",
            "GROQ_API_KEY",
            "ANTHROPIC_BASE_URL",
            "OMP_PROFILE",
            "PI_CODING_AGENT_DIR",
            "https_proxy",
            "CARGO_HOME",
            "SSH_AUTH_SOCK",
        ];
        let kept_back = [
            "DISCORD_BOT_TOKEN",
            "DISCORD_API_KEY",
            "DISCORD_WEBHOOK_URL",
            "OMPCORD_AGENT",
            "OMPCORD_STATE_DIR",
            "OMPCORD_API_KEY",
            "OMP_COMMAND",
            "OMP_LAUNCH_EMOJI",
            "OMP_APPROVAL_MODE",
            "CREDENTIALS_DIRECTORY",
            "NOTIFY_SOCKET",
            "DATABASE_URL",
            "INVOCATION_ID",
            "WATCHDOG_USEC",
            "LD_PRELOAD",
            "",
        ];
        for name in passed {
            assert!(is_allowed(name.as_ref()), "{name} is passed");
        }
        for name in kept_back {
            assert!(!is_allowed(name.as_ref()), "{name} is kept back");
        }
    }
}
