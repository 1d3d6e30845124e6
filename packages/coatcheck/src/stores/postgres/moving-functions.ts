/** Version 2: functions that take sessions to another store and over from one; `{s}` stands for the schema. Never edited once released. */
export const MOVING_FUNCTIONS = `
  /*
   * Goes by the primary key, on which nothing ever changes its place. What is over is passed over until somebody has been
   * told of it; a sweep tells.
   */
  CREATE FUNCTION {s}.scan(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    v_ids text[];
    v_next text;
    v_now double precision;
  BEGIN
    PERFORM {s}.assert_primary();
    v_now := {s}.now_ms();
    SELECT * INTO c FROM json_to_record(p) AS x(page integer, first_id text);
    v_ids := ARRAY(SELECT id FROM {s}.sessions WHERE id >= c.first_id ORDER BY id LIMIT c.page + 1);
    v_next := v_ids[c.page + 1];
    v_ids := v_ids[1:c.page];
    -- What looks over may be in use, by somebody who was here before the deadline.
    PERFORM 1 FROM {s}.sessions WHERE ended_at IS NULL AND id = ANY (ARRAY(
      SELECT s.id FROM {s}.states s
      WHERE s.id = ANY (v_ids) AND s.ended_at IS NULL AND {s}.over_reason(s, v_now) IS NOT NULL
    )) ORDER BY id FOR UPDATE;
    RETURN (
      SELECT json_build_object(
        'sessions', coalesce(json_agg({s}.record(l.state)) FILTER (WHERE l.reason IS NULL), '[]'),
        'tombstones', coalesce(json_agg(json_build_object(
          'id', (l.state).id, 'endedAt', l.at, 'reason', l.reason, 'userId', (l.state).user_id,
          'replacedBy', (l.state).replaced_by, 'replacedByUserId', (l.state).replaced_by_user_id
        )) FILTER (WHERE (l.state).ended_at IS NOT NULL OR (l.state).user_end_reason IS NOT NULL), '[]'),
        'next', v_next, 'now', v_now
      )
      FROM (
        SELECT
          s AS state, coalesce(s.reason, {s}.over_reason(s, v_now)) AS reason,
          coalesce(s.ended_at, {s}.over_at(s, v_now)) AS at
        FROM {s}.states s WHERE s.id = ANY (v_ids)
      ) l
    );
  END
  $function$;

  -- JSON that is never taken apart: where it holds an instant, that stands between marks, and only it moves.
  CREATE FUNCTION {s}.moved(p_marked text, p_ahead double precision) RETURNS json LANGUAGE sql STABLE AS $function$
    SELECT string_agg(
      CASE WHEN n % 2 = 0 THEN (part::double precision + p_ahead)::text ELSE part END, '' ORDER BY n
    )::json FROM unnest(string_to_array(p_marked, chr(1))) WITH ORDINALITY AS u(part, n)
  $function$;

  CREATE FUNCTION {s}.adopt(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_tombstone json;
    v_everyone record;
    v_epoch uuid;
    v_now double precision;
    v_ahead double precision;
  BEGIN
    SELECT * INTO c FROM json_to_record(p) AS x(
      id text, user_id text, replaces text, created_at double precision, authenticated_at double precision,
      last_seen_at double precision, idle_timeout double precision, expires_at double precision, lifetime text,
      transport text, authentication text, device text, data text, schema_version bigint, version bigint,
      revision bigint, rotation text, now double precision, if_epoch text
    );
    -- An end of all of the user's sessions comes either before, and is seen in the epoch, or after, and ends this one.
    v_epoch := {s}.lock_user(c.user_id);
    LOOP
      PERFORM {s}.lock_session(c.id);
      v_now := {s}.now_ms();
      s := {s}.live(c.id, v_now);
      IF s.id IS NOT NULL THEN
        RETURN json_build_object('outcome', 'exists', 'record', {s}.record(s), 'now', v_now);
      END IF;
      v_tombstone := {s}.tombstone(c.id);
      IF v_tombstone IS NOT NULL THEN
        RETURN json_build_object('outcome', 'ended', 'tombstone', v_tombstone);
      END IF;
      -- An end of everyone that this look misses ends the epoch that the session is stored under.
      SELECT number, nonce INTO v_everyone FROM {s}.epochs WHERE reason IS NULL;
      IF c.if_epoch <> concat_ws('.', v_everyone.nonce, v_epoch) THEN
        RETURN json_build_object('outcome', 'stale');
      END IF;
      v_ahead := v_now - c.now;
      IF v_now >= least(c.expires_at, c.last_seen_at + c.idle_timeout) + v_ahead THEN
        RETURN json_build_object('outcome', 'over');
      END IF;
      INSERT INTO {s}.sessions (
        created_at, last_seen_at, idle_timeout, expires_at, due_at, authenticated_at, version, schema_version,
        revision, epoch_number, user_epoch, id, user_id, lifetime, transport, replaces, rotation, authentication,
        device, operation_ids, data
      ) VALUES (
        c.created_at + v_ahead, c.last_seen_at + v_ahead, c.idle_timeout, c.expires_at + v_ahead,
        least(c.expires_at, c.last_seen_at + c.idle_timeout) + v_ahead, c.authenticated_at + v_ahead, c.version,
        c.schema_version, c.revision, v_everyone.number, v_epoch, c.id, c.user_id, c.lifetime, c.transport,
        c.replaces, {s}.moved(c.rotation, v_ahead), c.authentication::json, c.device::json, '{}', c.data::json
      ) ON CONFLICT (id) DO NOTHING;
      -- Else somebody was quicker with this id, and is seen now.
      EXIT WHEN FOUND;
    END LOOP;
    SELECT * INTO s FROM {s}.states WHERE id = c.id;
    RETURN json_build_object('outcome', 'ok', 'record', {s}.record(s), 'now', v_now);
  END
  $function$;

  CREATE FUNCTION {s}.adopt_tombstone(p json, p_retention double precision) RETURNS json
  LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_user text;
    v_known boolean;
    v_now double precision;
    v_at double precision;
  BEGIN
    PERFORM {s}.assert_primary();
    SELECT * INTO c FROM json_to_record(p) AS x(
      id text, ended_at double precision, reason text, user_id text, replaced_by text, replaced_by_user_id text,
      now double precision
    );
    LOOP
      SELECT user_id INTO v_user FROM {s}.sessions WHERE id = c.id;
      v_known := FOUND;
      IF v_known THEN
        -- In turn with an end of all of the user's sessions, as in end_session.
        PERFORM {s}.lock_user(v_user);
        PERFORM {s}.lock_session(c.id);
      END IF;
      v_now := {s}.now_ms();
      v_at := least(c.ended_at + (v_now - c.now), v_now);
      IF v_known THEN
        s := {s}.live(c.id, v_now);
        IF s.id IS NOT NULL THEN
          PERFORM {s}.bury(c.id, v_at, c.reason, c.replaced_by, c.replaced_by_user_id);
          PERFORM {s}.tell('s' || c.id);
          RETURN json_build_object('outcome', 'ended');
        END IF;
        IF {s}.tombstone(c.id) IS NOT NULL THEN RETURN json_build_object('outcome', 'already'); END IF;
        -- A sweep has just removed it.
        CONTINUE;
      END IF;
      IF v_at <= v_now - p_retention THEN RETURN json_build_object('outcome', 'over'); END IF;
      -- What a tombstone does not tell of its session is as of its end.
      INSERT INTO {s}.sessions (
        created_at, last_seen_at, idle_timeout, expires_at, due_at, ended_at, version, schema_version, revision,
        epoch_number, id, user_id, lifetime, transport, reason, replaced_by, replaced_by_user_id
      )
      SELECT
        v_at, v_at, 0, v_at, v_at, v_at, 0, 0, 0, number, c.id, c.user_id, '', '', c.reason, c.replaced_by,
        c.replaced_by_user_id
      FROM {s}.epochs e WHERE e.reason IS NULL
      ON CONFLICT (id) DO NOTHING;
      IF FOUND THEN RETURN json_build_object('outcome', 'buried'); END IF;
    END LOOP;
  END
  $function$;
`
