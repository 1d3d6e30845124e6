/**
 * Version 1 of the functions on single sessions; `{s}` stands for the schema. Never edited once released.
 *
 * Those that write lock in one order, so that no two of them wait for each other: rows of users, by id, then rows of
 * sessions, by id. Each statement of a function sees what was committed before it (READ COMMITTED), so what is read
 * after a lock is current.
 */
export const STATE_FUNCTIONS = `
  CREATE FUNCTION {s}.now_ms() RETURNS double precision LANGUAGE sql AS $function$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::double precision
  $function$;

  -- A replica, or a primary that was demoted, knows nothing of the latest ends.
  CREATE FUNCTION {s}.assert_primary() RETURNS void LANGUAGE plpgsql AS $function$
  BEGIN
    IF pg_is_in_recovery() THEN
      RAISE EXCEPTION 'this server is a replica' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
  END
  $function$;

  CREATE FUNCTION {s}.channel() RETURNS text LANGUAGE sql IMMUTABLE AS $function$
    SELECT 'coatcheck_' || hashtextextended('{s}' COLLATE "C", 0)
  $function$;

  -- Tells all nodes, when the transaction commits: 's' and the id of a session, 'u' and the id of a user, 'e' for everyone.
  CREATE FUNCTION {s}.tell(p_what text) RETURNS void LANGUAGE plpgsql AS $function$
  BEGIN
    -- What is longer than a notification may be is told as something that nobody knows.
    PERFORM pg_notify({s}.channel(), CASE WHEN octet_length(p_what) < 8000 THEN p_what ELSE '?' END);
  END
  $function$;

  -- Why a session that has no tombstone is over, or null while it lives. After an end of everyone, the clock of that
  -- moment decides about the deadlines; an end of the user has spared what was over before.
  CREATE FUNCTION {s}.over_reason(s {s}.states, p_now double precision) RETURNS text
  LANGUAGE sql IMMUTABLE AS $function$
    SELECT CASE
      WHEN s.user_end_reason IS NOT NULL THEN s.user_end_reason
      WHEN coalesce(s.everyone_ended_at, p_now) >= s.expires_at THEN 'absolute'
      WHEN coalesce(s.everyone_ended_at, p_now) >= s.last_seen_at + s.idle_timeout THEN 'idle'
      ELSE s.everyone_reason
    END
  $function$;

  CREATE FUNCTION {s}.over_at(s {s}.states, p_now double precision) RETURNS double precision
  LANGUAGE sql IMMUTABLE AS $function$
    SELECT CASE
      WHEN s.user_end_reason IS NOT NULL THEN s.user_ended_at
      WHEN coalesce(s.everyone_ended_at, p_now) >= s.expires_at THEN s.expires_at
      WHEN coalesce(s.everyone_ended_at, p_now) >= s.last_seen_at + s.idle_timeout THEN s.last_seen_at + s.idle_timeout
      ELSE s.everyone_ended_at
    END
  $function$;

  CREATE FUNCTION {s}.record(s {s}.states) RETURNS json LANGUAGE sql STABLE AS $function$
    SELECT json_build_object(
      'id', s.id, 'rotation', s.rotation, 'userId', s.user_id, 'replaces', s.replaces, 'createdAt', s.created_at,
      'authenticatedAt', s.authenticated_at, 'lastSeenAt', s.last_seen_at, 'idleTimeout', s.idle_timeout,
      'expiresAt', s.expires_at, 'lifetime', s.lifetime, 'transport', s.transport,
      'authentication', s.authentication, 'device', s.device, 'data', s.data, 'schemaVersion', s.schema_version,
      'version', s.version, 'epoch', concat_ws('.', s.everyone_epoch, s.user_epoch)
    )
  $function$;

  CREATE FUNCTION {s}.tombstone(p_id text) RETURNS json LANGUAGE sql STABLE AS $function$
    SELECT json_build_object(
      'id', id, 'endedAt', ended_at, 'reason', reason, 'userId', user_id, 'replacedBy', replaced_by,
      'replacedByUserId', replaced_by_user_id
    ) FROM {s}.sessions WHERE id = p_id AND ended_at IS NOT NULL
  $function$;

  CREATE FUNCTION {s}.lock_session(p_id text) RETURNS void LANGUAGE plpgsql AS $function$
  BEGIN
    PERFORM 1 FROM {s}.sessions WHERE id = p_id AND ended_at IS NULL FOR UPDATE;
  END
  $function$;

  -- The user's epoch, made if there is none; nobody else starts or ends sessions of the user until the commit.
  CREATE FUNCTION {s}.lock_user(p_user text) RETURNS uuid LANGUAGE plpgsql AS $function$
  DECLARE
    v_epoch uuid;
  BEGIN
    IF p_user IS NULL THEN RETURN NULL; END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'transactions are not read committed' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    SELECT epoch INTO v_epoch FROM {s}.users WHERE user_id = p_user FOR UPDATE;
    IF FOUND THEN RETURN v_epoch; END IF;
    INSERT INTO {s}.users (user_id) VALUES (p_user) ON CONFLICT (user_id) DO NOTHING;
    SELECT epoch INTO v_epoch FROM {s}.users WHERE user_id = p_user FOR UPDATE;
    RETURN v_epoch;
  END
  $function$;

  -- Turns a locked session into its tombstone.
  CREATE FUNCTION {s}.bury(p_id text, p_at double precision, p_reason text, p_by text, p_by_user text)
  RETURNS void LANGUAGE plpgsql AS $function$
  BEGIN
    UPDATE {s}.sessions SET
      ended_at = p_at, reason = p_reason, replaced_by = p_by, replaced_by_user_id = p_by_user, replaces = NULL,
      rotation = NULL, authentication = NULL, device = NULL, operation_ids = NULL, data = NULL
    WHERE id = p_id AND ended_at IS NULL;
  END
  $function$;

  -- The live session that is locked. One that is over is ended for good first, so that no step of the clock revives it.
  CREATE FUNCTION {s}.live(p_id text, p_now double precision) RETURNS {s}.states LANGUAGE plpgsql AS $function$
  DECLARE
    s {s}.states;
    v_reason text;
  BEGIN
    SELECT * INTO s FROM {s}.states WHERE id = p_id AND ended_at IS NULL;
    IF NOT FOUND THEN RETURN NULL; END IF;
    v_reason := {s}.over_reason(s, p_now);
    IF v_reason IS NULL THEN RETURN s; END IF;
    PERFORM {s}.bury(p_id, {s}.over_at(s, p_now), v_reason, NULL, NULL);
    RETURN NULL;
  END
  $function$;

  CREATE FUNCTION {s}.find(p_id text) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    s {s}.states;
    v_now double precision;
    v_reason text;
    v_told boolean := true;
  BEGIN
    PERFORM {s}.assert_primary();
    v_now := {s}.now_ms();
    SELECT * INTO s FROM {s}.states WHERE id = p_id;
    IF NOT FOUND THEN RETURN json_build_object('status', 'unknown'); END IF;
    IF s.ended_at IS NULL AND {s}.over_reason(s, v_now) IS NOT NULL THEN
      -- It may have been used, or ended, before the lock was there.
      PERFORM {s}.lock_session(p_id);
      SELECT * INTO s FROM {s}.states WHERE id = p_id;
      v_reason := {s}.over_reason(s, v_now);
      IF s.ended_at IS NULL AND v_reason IS NOT NULL THEN
        PERFORM {s}.bury(p_id, {s}.over_at(s, v_now), v_reason, NULL, NULL);
        v_told := s.user_end_reason IS NOT NULL;
        s.ended_at := v_now;
      END IF;
    END IF;
    IF s.ended_at IS NULL THEN
      RETURN json_build_object('status', 'live', 'record', {s}.record(s), 'now', v_now);
    END IF;
    RETURN json_build_object(
      'status', 'ended', 'tombstone', {s}.tombstone(p_id), 'now', v_now, 'justEnded', NOT v_told
    );
  END
  $function$;

  -- The session with what a write must know of it; the reading half of a mutate.
  CREATE FUNCTION {s}.read(p_id text) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    s {s}.states;
    v_now double precision;
  BEGIN
    PERFORM {s}.assert_primary();
    v_now := {s}.now_ms();
    SELECT * INTO s FROM {s}.states WHERE id = p_id AND ended_at IS NULL;
    IF FOUND AND {s}.over_reason(s, v_now) IS NOT NULL THEN
      PERFORM {s}.lock_session(p_id);
      s := {s}.live(p_id, v_now);
    END IF;
    RETURN {s}.for_writing(s, p_id, v_now);
  END
  $function$;

  CREATE FUNCTION {s}.for_writing(s {s}.states, p_id text, p_now double precision) RETURNS json
  LANGUAGE plpgsql AS $function$
  BEGIN
    IF s.id IS NULL THEN RETURN json_build_object('outcome', 'gone', 'tombstone', {s}.tombstone(p_id)); END IF;
    RETURN json_build_object(
      'outcome', 'read', 'record', {s}.record(s), 'operationIds', s.operation_ids, 'now', p_now
    );
  END
  $function$;

  -- The writing half of a mutate: applied where the version is still the one that was read, else answers as read does.
  CREATE FUNCTION {s}.write(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_now double precision;
  BEGIN
    SELECT * INTO c FROM json_to_record(p)
      AS x(id text, operation_id text, version bigint, schema_version bigint, data text);
    PERFORM {s}.lock_session(c.id);
    v_now := {s}.now_ms();
    s := {s}.live(c.id, v_now);
    IF s.id IS NULL OR s.version <> c.version OR c.operation_id = ANY (s.operation_ids) THEN
      RETURN {s}.for_writing(s, c.id, v_now);
    END IF;
    UPDATE {s}.sessions SET
      data = c.data::json, version = version + 1, schema_version = c.schema_version,
      operation_ids = (operation_ids || c.operation_id)[greatest(1, cardinality(operation_ids) - 6):]
    WHERE id = c.id;
    PERFORM {s}.tell('s' || c.id);
    s.data := c.data::json;
    s.version := s.version + 1;
    s.schema_version := c.schema_version;
    RETURN json_build_object('outcome', 'ok', 'record', {s}.record(s), 'now', v_now);
  END
  $function$;

  CREATE FUNCTION {s}.rotate(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_now double precision;
    v_outcome text := 'conflict';
  BEGIN
    SELECT * INTO c FROM json_to_record(p) AS x(id text, if_revision bigint, revision bigint, next text);
    PERFORM {s}.lock_session(c.id);
    v_now := {s}.now_ms();
    s := {s}.live(c.id, v_now);
    IF s.id IS NULL THEN
      RETURN json_build_object('outcome', 'gone', 'tombstone', {s}.tombstone(c.id));
    END IF;
    IF s.revision = c.if_revision THEN
      UPDATE {s}.sessions SET revision = c.revision, rotation = c.next::json WHERE id = c.id;
      PERFORM {s}.tell('s' || c.id);
      s.rotation := c.next::json;
      v_outcome := 'ok';
    END IF;
    RETURN json_build_object('outcome', v_outcome, 'record', {s}.record(s), 'now', v_now);
  END
  $function$;

  CREATE FUNCTION {s}.touch(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_used double precision;
    v_rotates boolean;
    v_now double precision := {s}.now_ms();
  BEGIN
    FOR c IN
      SELECT * FROM json_to_recordset(p)
        AS x(n integer, id text, ago double precision, if_revision bigint, revision bigint, next text)
      ORDER BY id COLLATE "C", n
    LOOP
      PERFORM {s}.lock_session(c.id);
      s := {s}.live(c.id, v_now);
      CONTINUE WHEN s.id IS NULL;
      v_used := least(floor(v_now - c.ago), v_now);
      v_rotates := coalesce(c.if_revision = s.revision, false);
      CONTINUE WHEN v_used <= s.last_seen_at AND NOT v_rotates;
      UPDATE {s}.sessions SET
        last_seen_at = greatest(last_seen_at, v_used),
        revision = CASE WHEN v_rotates THEN c.revision ELSE revision END,
        rotation = CASE WHEN v_rotates THEN c.next::json ELSE rotation END
      WHERE id = c.id;
      -- Activity alone changes nothing that anybody has kept.
      IF v_rotates THEN PERFORM {s}.tell('s' || c.id); END IF;
    END LOOP;
    RETURN 'null'::json;
  END
  $function$;
`
