/**
 * Version 1 of the tables; `{s}` stands for the schema. Never edited once released.
 *
 * Instants and durations are double precision: they are JavaScript numbers and come back as they were. `json`, unlike
 * `jsonb`, keeps its text: key order, digits, and strings with NUL or lone surrogates in them.
 *
 * An ended session stays in its row as a tombstone, so the primary key alone keeps its id from being used again, and
 * the trigger refuses to bring it back to whatever statement or tool tries.
 */
export const TABLES = `
  CREATE TABLE {s}.epochs (
    number integer PRIMARY KEY,
    nonce uuid NOT NULL DEFAULT gen_random_uuid(),
    reason text, -- null: the current epoch
    ended_at double precision
  );
  CREATE UNIQUE INDEX epochs_current ON {s}.epochs ((true)) WHERE reason IS NULL;
  INSERT INTO {s}.epochs (number) VALUES (1);

  CREATE TABLE {s}.users (
    user_id text COLLATE "C" PRIMARY KEY,
    epoch uuid NOT NULL DEFAULT gen_random_uuid()
  ) WITH (fillfactor = 95);

  CREATE TABLE {s}.user_ends (
    epoch uuid PRIMARY KEY, -- of a user until all of the user's sessions were ended: whoever still has it is over
    user_id text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    ended_at double precision NOT NULL
  );

  CREATE TABLE {s}.sessions (
    created_at double precision NOT NULL,
    last_seen_at double precision NOT NULL,
    idle_timeout double precision NOT NULL,
    expires_at double precision NOT NULL,
    due_at double precision NOT NULL, -- when the sweep looks at it next: at its deadline or before, and not moved by uses
    authenticated_at double precision,
    ended_at double precision, -- null: not ended, apart from what epochs and user_ends say
    number bigint GENERATED ALWAYS AS IDENTITY,
    version bigint NOT NULL,
    schema_version bigint NOT NULL,
    revision bigint NOT NULL,
    epoch_number integer NOT NULL,
    user_epoch uuid,
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C",
    lifetime text NOT NULL,
    transport text NOT NULL,
    replaces text,
    rotation json,
    authentication json,
    device json,
    operation_ids text[], -- of the latest writes, newest last
    data json,
    reason text,
    replaced_by text,
    replaced_by_user_id text,
    CHECK ((ended_at IS NULL) = (reason IS NULL)),
    CHECK (ended_at IS NOT NULL OR (rotation IS NOT NULL AND operation_ids IS NOT NULL AND data IS NOT NULL))
  ) WITH (fillfactor = 85);
  -- Without what a list is ordered by: all of a user's sessions are looked at anyway, and a user's entries are stored as one.
  CREATE INDEX sessions_of_user ON {s}.sessions (user_id)
    WHERE ended_at IS NULL AND user_id IS NOT NULL;
  -- What lives is told by another column than anywhere else, so that only the sweep can be led here: where sessions were few
  -- when a plan was made, reading all of this index looked as cheap as finding one of them.
  CREATE INDEX sessions_due ON {s}.sessions (epoch_number, due_at) WHERE reason IS NULL;
  CREATE INDEX tombstones_by_age ON {s}.sessions (ended_at) WHERE ended_at IS NOT NULL;

  CREATE FUNCTION {s}.refuse_revival() RETURNS trigger LANGUAGE plpgsql AS $function$
  BEGIN
    RAISE EXCEPTION 'this session has ended';
  END
  $function$;
  CREATE TRIGGER dead_stays_dead BEFORE UPDATE ON {s}.sessions FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NULL) EXECUTE FUNCTION {s}.refuse_revival();

  -- Sessions together with what may have ended them, in one look: two looks could miss an end in between.
  CREATE VIEW {s}.states AS
    SELECT
      s.*, e.nonce AS everyone_epoch, e.reason AS everyone_reason, e.ended_at AS everyone_ended_at,
      u.reason AS user_end_reason, u.ended_at AS user_ended_at
    FROM {s}.sessions s
    JOIN {s}.epochs e ON e.number = s.epoch_number
    LEFT JOIN {s}.user_ends u ON u.epoch = s.user_epoch;
`
