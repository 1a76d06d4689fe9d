//! Atomic writes: a file appears under its name with its whole content, or not at all.
//!
//! ```text
//!  .NAME.XXXXXX.tmp ──write, fsync──> rename to NAME ──> fsync of the directory
//! ```
//!
//! A killed program may leave the temporary file, whose name no reader takes for a result. Its
//! writer holds a lock on it, so the next write of the same file sees that it is abandoned, and
//! removes it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::FileError;

/// Last part of the name of a temporary file.
const SUFFIX: &str = ".tmp";

/// Number of random characters in it.
const RANDOM: usize = 6;

/// Treatment of a file that exists under the name of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingFile {
    /// The write is refused.
    Refuse,
    /// The file is replaced at once.
    Replace,
}

/// Writes a file atomically.
///
/// # Errors
/// The file can't be written, or exists and must not be replaced.
pub fn write(
    path: &Path,
    existing: ExistingFile,
    content: impl AsRef<[u8]>,
) -> Result<(), FileError> {
    write_with(path, existing, |out| out.write_all(content.as_ref())).map(drop)
}

/// Writes a file atomically with a function. Returns the file, open for appending more.
///
/// # Errors
/// The file can't be written, or exists and must not be replaced.
pub fn write_with(
    path: &Path,
    existing: ExistingFile,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<File, FileError> {
    let failed = |error| FileError::writing(path, error);
    let target = target(path).map_err(failed)?;
    if existing == ExistingFile::Refuse && target.exists() {
        return Err(FileError::Exists(path.to_owned()));
    }
    let mut draft = draft(&target).map_err(failed)?;
    let mut out = BufWriter::new(draft.as_file_mut());
    content(&mut out)
        .and_then(|()| out.flush())
        .map_err(failed)?;
    drop(out);
    draft.as_file().sync_all().map_err(failed)?;
    let persisted = match existing {
        ExistingFile::Refuse => draft.persist_noclobber(&target),
        ExistingFile::Replace => draft.persist(&target),
    };
    let file = persisted.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
        _ => failed(error.error),
    })?;
    // It is no temporary file any more.
    let _ = file.unlock();
    sync_directory(directory_of(&target)).map_err(failed)?;
    Ok(file)
}

/// File that a path leads to through symbolic links. It is a regular file, or absent.
fn target(path: &Path) -> io::Result<PathBuf> {
    let target = match path.is_symlink() {
        true => fs::canonicalize(path)?,
        false => path.to_owned(),
    };
    match fs::metadata(&target) {
        Ok(known) if !known.is_file() => Err(io::Error::other("it is not a regular file")),
        _ => Ok(target),
    }
}

/// New temporary file beside the target, with the usual permissions and locked. Those that killed
/// programs have left for this target are removed.
fn draft(target: &Path) -> io::Result<NamedTempFile> {
    let name = target.file_name();
    let name = name.ok_or_else(|| io::Error::other("the path has no file name"))?;
    let directory = directory_of(target);
    remove_abandoned(directory, Some(name))?;
    let mut builder = tempfile::Builder::new();
    let prefix = prefix(name);
    builder.prefix(&prefix).rand_bytes(RANDOM).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The umask of the process applies to it.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    loop {
        let draft = builder.tempfile_in(directory)?;
        // Some network file systems have no locks. There, abandoned files stay.
        let _ = draft.as_file().lock();
        // Before the lock, another process may have taken it for an abandoned one.
        if draft.path().exists() {
            return Ok(draft);
        }
    }
}

fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Name of the file for which a temporary file was made; none if it is no temporary file.
fn draft_target(name: &OsStr) -> Option<&str> {
    let middle = name.to_str()?.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    let (target, random) = middle.rsplit_once('.')?;
    let is_random = random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_random && !target.is_empty()).then_some(target)
}

/// Removes the temporary files in a directory that killed programs have left: those for one target,
/// or all.
fn remove_abandoned(directory: &Path, target: Option<&OsStr>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(directory) else {
        // A directory may be writable but not readable.
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_wanted = |found: &str| target.is_none_or(|target| target.to_str() == Some(found));
        if !draft_target(&name).is_some_and(is_wanted) {
            continue;
        }
        // What can't be opened or locked is in use, or not ours.
        let path = entry.path();
        if let Ok(file) = File::options().write(true).open(&path)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

/// Removes all temporary files of a directory that killed programs have left.
///
/// # Errors
/// The directory can't be read.
pub fn remove_drafts(directory: &Path) -> Result<(), FileError> {
    remove_abandoned(directory, None).map_err(|error| FileError::writing(directory, error))
}

/// Removes a file; it may be absent.
///
/// # Errors
/// The file can't be removed.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::writing(path, error))
        }
        _ => Ok(()),
    }
}

/// Creates a directory with its parents; it may exist.
///
/// # Errors
/// A directory can't be created.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let failed = |error| FileError::writing(path, error);
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    // A parent that can't be created is reported by the path that was asked for.
    fs::create_dir_all(path).map_err(failed)?;
    let mut parents = missing.into_iter().map(directory_of);
    parents.try_for_each(sync_directory).map_err(failed)
}

/// Directory of a file.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the names of a directory durable.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        // Some network file systems can't, and a directory may be writable but not readable.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Windows makes names durable with the file.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draft_names_are_recognised() {
        for (name, target) in [
            (".page.html.aB3xY9.tmp", Some("page.html")),
            (".a.aB3xY9.tmp", Some("a")),
            ("page.html.aB3xY9.tmp", None),
            (".page.html.aB3xY.tmp", None),
            (".page.html.aB3x-9.tmp", None),
            ("..aB3xY9.tmp", None),
            (".page.html.aB3xY9", None),
        ] {
            assert_eq!(draft_target(OsStr::new(name)), target, "{name}");
        }
    }
}
