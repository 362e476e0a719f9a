//! A data directory as files of the repository: the database as SQL, everything else as it is.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

const DATABASE: &str = "ladderd.sqlite";
const SQL: &str = "ladderd.sql";

/// Files that belong to one run, or that every version makes anew.
fn is_left_out(name: &str) -> bool {
    name.starts_with(DATABASE)
        || name.starts_with("catalog.sqlite")
        || matches!(name, "lock" | "endpoint.json" | "ladderd.toml")
}

/// Copies a folder, but for the files whose name `leaves_out` accepts.
fn copy(from: &Path, to: &Path, leaves_out: &dyn Fn(&str) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, leaves_out);
        } else if !leaves_out(&name) {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Writes the data directory of an appliance that does not run into an empty folder.
pub(super) fn save(data_dir: &Path, folder: &Path) {
    assert!(!folder.try_exists().unwrap(), "{} exists: remove it first", folder.display());
    copy(data_dir, folder, &is_left_out);
    let database = Connection::open(data_dir.join(DATABASE)).unwrap();
    std::fs::write(folder.join(SQL), dump(&database)).unwrap();
}

/// Makes a data directory of a folder that `save` has written.
pub(super) fn restore(folder: &Path) -> tempfile::TempDir {
    let data_dir = tempfile::tempdir().unwrap();
    copy(folder, data_dir.path(), &|name| name == SQL);
    // Git keeps no permissions.
    let credentials = data_dir.path().join("credentials.json");
    std::fs::set_permissions(credentials, PermissionsExt::from_mode(0o600)).unwrap();
    let sql = std::fs::read_to_string(folder.join(SQL)).unwrap();
    let database = Connection::open(data_dir.path().join(DATABASE)).unwrap();
    database.execute_batch(&sql).unwrap();
    data_dir
}

/// Statements that make the database: its tables, their rows, and then indexes and triggers.
fn dump(database: &Connection) -> String {
    let mut text = "BEGIN;\n".to_owned();
    let version: i64 = database.query_row("PRAGMA user_version", (), |row| row.get(0)).unwrap();
    writeln!(text, "PRAGMA user_version = {version};").unwrap();
    let schema = |kind: &str| -> Vec<(String, String)> {
        let sql = format!(
            "SELECT name, sql FROM sqlite_schema
             WHERE {kind} AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        );
        let mut statement = database.prepare(&sql).unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    for (name, sql) in schema("type = 'table'") {
        writeln!(text, "{sql};").unwrap();
        dump_rows(database, &name, &mut text);
    }
    // Ids are never used again.
    text.push_str("DELETE FROM sqlite_sequence;\n");
    dump_rows(database, "sqlite_sequence", &mut text);
    for (_, sql) in schema("type <> 'table'") {
        writeln!(text, "{sql};").unwrap();
    }
    text + "COMMIT;\n"
}

fn dump_rows(database: &Connection, table: &str, text: &mut String) {
    let mut statement = database.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query(()).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<String> = (0..columns).map(|n| literal(row.get_ref(n).unwrap())).collect();
        writeln!(text, "INSERT INTO {table} VALUES ({});", values.join(", ")).unwrap();
    }
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => {
            format!("'{}'", std::str::from_utf8(text).unwrap().replace('\'', "''"))
        }
        ValueRef::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
    }
}
