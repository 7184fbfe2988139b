"""The database's own notes of who wrote what: triggers, so that no way of writing goes past them. PostgreSQL only.

Each write of progress or records is noted with the token that the run has at that moment and the name of the process
whose connection it came by; each change of a status with the status before it.
"""

from __future__ import annotations

STATEMENTS = (
    """
    CREATE TABLE faults_witness (
      id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(),
      kind text NOT NULL, run_id uuid, token uuid, writer text NOT NULL DEFAULT current_setting('application_name'),
      was text, becomes text
    )""",
    """
    CREATE FUNCTION faults_note_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.status <> OLD.status THEN
        INSERT INTO faults_witness (kind, run_id, token, was, becomes)
          VALUES ('status', NEW.id, OLD.lease_token, OLD.status, NEW.status);
      END IF;
      IF (NEW.fetched, NEW.persisted, NEW.error_count) IS DISTINCT FROM (OLD.fetched, OLD.persisted, OLD.error_count)
      THEN
        INSERT INTO faults_witness (kind, run_id, token) VALUES ('progress', NEW.id, OLD.lease_token);
      END IF;
      RETURN NULL;
    END $$""",
    """
    CREATE FUNCTION faults_note_records() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO faults_witness (kind, run_id, token)
        SELECT DISTINCT 'records', run.id, run.lease_token FROM written JOIN runs_syncjobrun run
          ON run.id = written.last_run_id;
      RETURN NULL;
    END $$""",
    # A row of which only the hash is noted anew keeps its last run.
    """
    CREATE FUNCTION faults_note_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO faults_witness (kind, run_id, token)
        SELECT DISTINCT 'records', run.id, run.lease_token FROM written JOIN before USING (id) JOIN runs_syncjobrun run
          ON run.id = written.last_run_id WHERE written.updated_at <> before.updated_at;
      RETURN NULL;
    END $$""",
    """
    CREATE TRIGGER faults_run AFTER UPDATE ON runs_syncjobrun FOR EACH ROW EXECUTE FUNCTION faults_note_run()""",
    """
    CREATE TRIGGER faults_records_new AFTER INSERT ON runs_record REFERENCING NEW TABLE AS written
      FOR EACH STATEMENT EXECUTE FUNCTION faults_note_records()""",
    """
    CREATE TRIGGER faults_records_changed AFTER UPDATE ON runs_record REFERENCING NEW TABLE AS written
      OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION faults_note_changes()""",
)

# A token is one worker's: whoever else writes under it, or under none, does not own the run.
WRITES_UNDER_NO_TOKEN = "SELECT run_id, kind, writer FROM faults_witness WHERE kind <> 'status' AND token IS NULL"
TOKENS_OF_SEVERAL = """
    SELECT run_id, token, array_agg(DISTINCT writer) FROM faults_witness
    WHERE kind <> 'status' AND token IS NOT NULL GROUP BY run_id, token HAVING count(DISTINCT writer) > 1"""
LEFT_FINAL_STATES = """
    SELECT run_id, was, becomes, writer FROM faults_witness
    WHERE kind = 'status' AND (was IN ('completed', 'failed', 'stopped') OR becomes = 'created')"""
