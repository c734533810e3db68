//! What does a call ask for? Its arguments, read strictly, and the work that they lead to.

use std::num::{NonZeroU8, NonZeroU64};

use rmcp::model::JsonObject;
use rustix::fs::FileType;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::filesystem::list::{Kind, Listing, file_size, list_directory};
use crate::filesystem::path::RelativePath;
use crate::filesystem::read::{Selection, Text, read_text};
use crate::filesystem::refusal::Refusal;
use crate::filesystem::root::Root;
use crate::filesystem::secret::refuse_secret;
use crate::filesystem::walk::{Finds, directory_tree, search_files};
use crate::filesystem::work::Stop;

/// A call whose arguments have the right shape.
pub(super) enum Call {
    DirectoryTree(TreeRequest),
    GetFileInfo(FileInfoRequest),
    ListDirectory(ListRequest),
    ReadTextFile(ReadRequest),
    SearchFiles(SearchRequest),
}

/// Why a call is not one.
#[derive(Debug)]
pub(super) enum CallError {
    UnknownTool,
    Arguments(serde_json::Error),
}

/// What a call gives.
pub(super) enum Answer {
    FileInfo(FileInfo),
    Finds(Finds),
    Listing(Listing),
    Text(Text),
}

/// `directory_tree`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeRequest {
    /// The directory, relative to the root.
    #[serde(default = "root")]
    path: String,
    /// How many levels down; 1 is the directory's own entries.
    #[serde(default = "default_depth")]
    #[schemars(range(min = 1, max = 128))]
    depth: NonZeroU8,
}

/// `get_file_info`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileInfoRequest {
    /// The file or directory, relative to the root.
    path: String,
}

/// `list_directory`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRequest {
    /// The directory, relative to the root.
    #[serde(default = "root")]
    path: String,
}

/// `read_text_file`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadRequest {
    /// The file, relative to the root.
    path: String,
    /// Only this many lines from the start.
    #[serde(default)]
    head: Option<NonZeroU64>,
    /// Only this many lines from the end.
    #[serde(default)]
    tail: Option<NonZeroU64>,
    /// Only from this line on, counted from 1.
    #[serde(default)]
    first_line: Option<NonZeroU64>,
    /// Only up to this line, itself included.
    #[serde(default)]
    last_line: Option<NonZeroU64>,
}

/// `search_files`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchRequest {
    /// A glob: `*` and `?` within a name, `**` across directories, `[a-z]`, `{one,other}`.
    pattern: String,
    /// The directory to search below, relative to the root.
    #[serde(default = "root")]
    path: String,
}

/// What is known about one file or directory.
#[derive(Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub(super) struct FileInfo {
    pub(super) path: String,
    pub(super) kind: Kind,
    /// In bytes; files only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// The last change of the contents, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<String>,
    /// Octal, such as `0644`.
    pub(super) permissions: String,
}

impl Call {
    pub(super) fn parse(tool: &str, arguments: JsonObject) -> Result<Self, CallError> {
        match tool {
            "directory_tree" => read(arguments).map(Self::DirectoryTree),
            "get_file_info" => read(arguments).map(Self::GetFileInfo),
            "list_directory" => read(arguments).map(Self::ListDirectory),
            "read_text_file" => read(arguments).map(Self::ReadTextFile),
            "search_files" => read(arguments).map(Self::SearchFiles),
            _ => Err(CallError::UnknownTool),
        }
    }

    /// The path that the caller named.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::DirectoryTree(request) => &request.path,
            Self::GetFileInfo(request) => &request.path,
            Self::ListDirectory(request) => &request.path,
            Self::ReadTextFile(request) => &request.path,
            Self::SearchFiles(request) => &request.path,
        }
    }

    /// Does the work; blocking.
    pub(super) fn run(&self, root: &Root, stop: &Stop) -> Result<Answer, Refusal> {
        let path = RelativePath::parse(self.path())?;
        match self {
            Self::DirectoryTree(request) => directory_tree(root, &path, request.depth.get(), stop).map(Answer::Finds),
            Self::GetFileInfo(_) => file_info(root, &path).map(Answer::FileInfo),
            Self::ListDirectory(_) => list_directory(root, &path, stop).map(Answer::Listing),
            Self::ReadTextFile(request) => {
                let selection = request.selection()?;
                refuse_secret(&path)?;
                let (file, state) = root.file(&path)?;
                read_text(file, file_size(&state).unwrap_or(0), selection, stop).map(Answer::Text)
            }
            Self::SearchFiles(request) => search_files(root, &path, &request.pattern, stop).map(Answer::Finds),
        }
    }
}

impl ReadRequest {
    fn selection(&self) -> Result<Selection, Refusal> {
        let first = self.first_line.unwrap_or(NonZeroU64::MIN);
        let range = self.first_line.is_some() || self.last_line.is_some();
        match (self.head, self.tail) {
            (None, None) if self.last_line.is_none_or(|last| last >= first) => Ok(Selection::Lines { first, last: self.last_line }),
            (Some(lines), None) if !range => Ok(Selection::Lines { first, last: Some(lines) }),
            (None, Some(lines)) if !range => Ok(Selection::Tail(lines)),
            _ => Err(Refusal::Selection),
        }
    }
}

fn file_info(root: &Root, path: &RelativePath) -> Result<FileInfo, Refusal> {
    let state = root.state(path)?;
    let modified = jiff::Timestamp::from_second(state.st_mtime).ok();
    Ok(FileInfo {
        path: path.to_string(),
        kind: Kind::of(FileType::from_raw_mode(state.st_mode)),
        size: file_size(&state),
        modified: modified.map(|time| time.to_string()),
        permissions: format!("{:04o}", state.st_mode & 0o7777),
    })
}

fn read<Request: DeserializeOwned>(arguments: JsonObject) -> Result<Request, CallError> {
    serde_json::from_value(serde_json::Value::Object(arguments)).map_err(CallError::Arguments)
}

fn root() -> String {
    ".".to_owned()
}

fn default_depth() -> NonZeroU8 {
    NonZeroU8::MIN.saturating_add(2)
}
