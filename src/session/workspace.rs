//! What the footer says about the directory a session runs in: its name and its git branch.

use std::path::{Path, PathBuf};

/// The last part of the path, which is what people call a workspace.
#[must_use]
pub(super) fn name(workspace: &Path) -> String {
    workspace
        .file_name()
        .unwrap_or(workspace.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// The branch that is checked out, or the first characters of a detached commit. Read from the files, because
/// starting `git` for a footer costs more than the footer.
#[must_use]
pub(super) fn branch(workspace: &Path) -> Option<String> {
    let head = std::fs::read_to_string(git_dir(workspace)?.join("HEAD")).ok()?;
    let head = head.trim();
    match head.strip_prefix("ref: refs/heads/") {
        Some(branch) => Some(branch.to_owned()),
        None => head.get(..8).map(str::to_owned),
    }
}

fn git_dir(workspace: &Path) -> Option<PathBuf> {
    let dot_git = workspace
        .ancestors()
        .map(|dir| dir.join(".git"))
        .find(|path| path.exists())?;
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    // A worktree or a submodule: the file names the directory.
    let link = std::fs::read_to_string(&dot_git).ok()?;
    let target = Path::new(link.trim().strip_prefix("gitdir: ")?);
    Some(if target.is_absolute() {
        target.to_owned()
    } else {
        dot_git.parent()?.join(target)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_is_found_from_a_folder_below_and_through_a_worktree_link() {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        std::fs::create_dir_all(repo.join(".git/worktrees/w")).unwrap();
        std::fs::create_dir_all(repo.join("src")).unwrap();
        std::fs::write(repo.join(".git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        std::fs::write(repo.join(".git/worktrees/w/HEAD"), "0123456789abcdef\n").unwrap();
        assert_eq!(branch(&repo.join("src")).as_deref(), Some("feature/x"));
        let tree = dir.path().join("w");
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join(".git"), "gitdir: ../repo/.git/worktrees/w\n").unwrap();
        assert_eq!(branch(&tree).as_deref(), Some("01234567"));
        assert_eq!(branch(Path::new("/")), None);
        assert_eq!(name(&tree), "w");
    }
}
