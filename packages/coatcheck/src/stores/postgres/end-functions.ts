/** Version 1 of the functions that end sessions; `{s}` stands for the schema. Never edited once released. */
export const END_FUNCTIONS = `
  CREATE FUNCTION {s}.end_session(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    s {s}.states;
    v_user text;
    v_id text;
    v_next text;
    v_seen text[] := '{}';
    v_now double precision;
  BEGIN
    PERFORM {s}.assert_primary();
    SELECT * INTO c FROM json_to_record(p) AS x(id text, reason text, of_user text, follow boolean);
    SELECT user_id INTO v_user FROM {s}.sessions WHERE id = c.id;
    IF NOT FOUND OR (c.of_user IS NOT NULL AND v_user IS DISTINCT FROM c.of_user) THEN
      RETURN json_build_object('outcome', 'unknown');
    END IF;
    -- In turn with an end of all of the user's sessions, so that not both report this one.
    PERFORM {s}.lock_user(v_user);
    v_id := c.id;
    LOOP
      PERFORM {s}.lock_session(v_id);
      v_now := {s}.now_ms();
      s := {s}.live(v_id, v_now);
      IF s.id IS NOT NULL THEN
        PERFORM {s}.bury(v_id, v_now, c.reason, NULL, NULL);
        PERFORM {s}.tell('s' || v_id);
        RETURN json_build_object(
          'outcome', 'ended',
          'ended', json_build_array(json_build_object('id', v_id, 'userId', v_user, 'reason', c.reason))
        );
      END IF;
      SELECT replaced_by INTO v_next FROM {s}.sessions WHERE id = v_id AND replaced_by_user_id = user_id;
      v_seen := v_seen || v_id;
      -- What was taken over may lead in circles.
      EXIT WHEN NOT c.follow OR v_next IS NULL OR v_next = ANY (v_seen);
      v_id := v_next;
    END LOOP;
    RETURN coalesce(
      (SELECT json_build_object('outcome', 'already', 'tombstone', t) FROM {s}.tombstone(c.id) t WHERE t IS NOT NULL),
      json_build_object('outcome', 'unknown')
    );
  END
  $function$;

  CREATE FUNCTION {s}.end_user(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    v_id text;
    v_epoch uuid;
    v_next uuid := gen_random_uuid();
    v_now double precision;
    v_except text[];
    v_locked text[] := '{}';
    v_over text[];
    v_kept text[];
    v_ended text[];
  BEGIN
    SELECT * INTO c FROM json_to_record(p) AS x(user_id text, reason text, except_ids json);
    v_epoch := {s}.lock_user(c.user_id);
    v_now := {s}.now_ms();
    SELECT array_agg(x) INTO v_except FROM json_array_elements_text(c.except_ids) x;
    LOOP
      SELECT
        coalesce(array_agg(l.id) FILTER (WHERE l.over), '{}'),
        coalesce(array_agg(l.id) FILTER (WHERE NOT l.over AND l.kept), '{}'),
        coalesce(array_agg(l.id) FILTER (WHERE NOT l.over AND NOT l.kept), '{}')
      INTO v_over, v_kept, v_ended
      FROM (
        SELECT
          s.id, {s}.over_reason(s, v_now) IS NOT NULL AS over, coalesce(s.id = ANY (v_except), false) AS kept
        FROM {s}.states s WHERE s.user_id = c.user_id AND s.ended_at IS NULL AND s.user_end_reason IS NULL
      ) l;
      -- Rows that change are locked, and looked at again, since they may have changed before the lock.
      EXIT WHEN v_over || v_kept <@ v_locked;
      v_locked := v_over || v_kept;
      PERFORM 1 FROM {s}.sessions WHERE id = ANY (v_locked) ORDER BY id FOR UPDATE;
    END LOOP;
    FOREACH v_id IN ARRAY v_over LOOP
      PERFORM {s}.live(v_id, v_now);
    END LOOP;
    -- No id at all would be looked for by reading a whole index.
    IF cardinality(v_kept) > 0 THEN
      UPDATE {s}.sessions SET user_epoch = v_next WHERE id = ANY (v_kept);
    END IF;
    UPDATE {s}.users SET epoch = v_next WHERE user_id = c.user_id;
    IF cardinality(v_ended) > 0 THEN
      INSERT INTO {s}.user_ends (epoch, user_id, reason, ended_at) VALUES (v_epoch, c.user_id, c.reason, v_now);
    END IF;
    PERFORM {s}.tell('u' || c.user_id);
    RETURN to_json(v_ended);
  END
  $function$;

  CREATE FUNCTION {s}.end_everyone(p_reason text) RETURNS json LANGUAGE plpgsql AS $function$
  DECLARE
    v_number integer;
  BEGIN
    LOOP
      UPDATE {s}.epochs SET reason = p_reason, ended_at = {s}.now_ms() WHERE reason IS NULL
        RETURNING number INTO v_number;
      -- Somebody else has ended it meanwhile; then the next look finds theirs.
      EXIT WHEN FOUND;
    END LOOP;
    INSERT INTO {s}.epochs (number) VALUES (v_number + 1);
    PERFORM {s}.tell('e');
    RETURN 'null'::json;
  END
  $function$;

  CREATE FUNCTION {s}.user_epoch(p_user text) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    v_epoch uuid;
  BEGIN
    PERFORM {s}.assert_primary();
    SELECT epoch INTO v_epoch FROM {s}.users WHERE user_id = p_user;
    IF NOT FOUND THEN v_epoch := {s}.lock_user(p_user); END IF;
    RETURN (SELECT json_build_object('user', concat_ws('.', nonce, v_epoch)) FROM {s}.epochs WHERE reason IS NULL);
  END
  $function$;

  CREATE FUNCTION {s}.list(p json) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    c record;
    v_id text;
    v_now double precision := {s}.now_ms();
  BEGIN
    PERFORM {s}.assert_primary();
    SELECT * INTO c FROM json_to_record(p)
      AS x(user_id text, page integer, created_at double precision, id text);
    FOR v_id IN
      SELECT s.id FROM {s}.states s
      WHERE s.user_id = c.user_id AND s.ended_at IS NULL AND s.user_end_reason IS NULL
        AND {s}.over_reason(s, v_now) IS NOT NULL
      ORDER BY s.id
    LOOP
      PERFORM {s}.lock_session(v_id);
      PERFORM {s}.live(v_id, v_now);
    END LOOP;
    RETURN (
      SELECT json_build_object('sessions', coalesce(json_agg(l.record), '[]'), 'now', v_now)
      FROM (
        SELECT {s}.record(s) AS record FROM {s}.states s
        WHERE s.user_id = c.user_id AND s.ended_at IS NULL AND {s}.over_reason(s, v_now) IS NULL
          AND (c.id IS NULL OR (s.created_at, s.id) < (c.created_at, c.id))
        ORDER BY s.created_at DESC, s.id DESC LIMIT c.page
      ) l
    );
  END
  $function$;

  -- Rows that somebody else holds are left to the next sweep: nobody waits here, and nobody waits for long because of it.
  CREATE FUNCTION {s}.sweep(p_limit integer, p_retention double precision) RETURNS json LANGUAGE plpgsql
  SET enable_seqscan = off AS $function$
  DECLARE
    v_number integer;
    v_due text[];
    v_left text[] := '{}';
    v_clears boolean := false;
    v_removed integer;
    v_ended json := '[]';
    v_end record;
    v_now double precision := {s}.now_ms();
  BEGIN
    SELECT number INTO v_number FROM {s}.epochs WHERE reason IS NULL;
    v_due := ARRAY(
      SELECT id FROM {s}.sessions
      WHERE reason IS NULL AND (epoch_number, due_at) <= (v_number, v_now)
      ORDER BY epoch_number, due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    );
    SELECT * INTO v_end FROM {s}.user_ends ORDER BY epoch LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      v_left := ARRAY(
        SELECT id FROM {s}.sessions WHERE ended_at IS NULL AND user_id = v_end.user_id AND user_epoch = v_end.epoch
        LIMIT p_limit FOR UPDATE SKIP LOCKED
      );
    END IF;
    -- No id at all would be looked for by reading a whole index.
    IF cardinality(v_due || v_left) > 0 THEN
      WITH judged AS (
        SELECT
          s.id, s.user_id, {s}.over_reason(s, v_now) AS reason, {s}.over_at(s, v_now) AS at,
          s.user_end_reason IS NOT NULL AS told
        FROM {s}.states s WHERE s.id = ANY (v_due || v_left)
      ), still_live AS (
        UPDATE {s}.sessions s SET due_at = least(s.last_seen_at + s.idle_timeout, s.expires_at)
        FROM judged j WHERE s.id = j.id AND j.reason IS NULL
      ), buried AS (
        UPDATE {s}.sessions s SET
          ended_at = j.at, reason = j.reason, replaces = NULL, rotation = NULL, authentication = NULL, device = NULL,
          operation_ids = NULL, data = NULL
        FROM judged j WHERE s.id = j.id AND j.reason IS NOT NULL
      )
      SELECT coalesce(
        json_agg(json_build_object('id', id, 'userId', user_id, 'reason', reason))
          FILTER (WHERE reason IS NOT NULL AND NOT told),
        '[]'
      ) INTO v_ended FROM judged;
    END IF;
    IF v_end.epoch IS NOT NULL THEN
      DELETE FROM {s}.user_ends WHERE epoch = v_end.epoch AND NOT EXISTS (
        SELECT 1 FROM {s}.sessions
        WHERE ended_at IS NULL AND user_id = v_end.user_id AND user_epoch = v_end.epoch
      );
      v_clears := FOUND OR cardinality(v_left) > 0;
    END IF;
    DELETE FROM {s}.sessions WHERE id IN (
      SELECT id FROM {s}.sessions WHERE ended_at IS NOT NULL AND ended_at <= v_now - p_retention
      ORDER BY ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS v_removed = ROW_COUNT;
    -- Where nothing moved, others are at it, and this one is done.
    RETURN json_build_object(
      'ended', v_ended, 'tombstonesRemoved', v_removed,
      'more', cardinality(v_due) = p_limit OR v_removed = p_limit
        OR (v_clears AND EXISTS (SELECT 1 FROM {s}.user_ends))
    );
  END
  $function$;

  CREATE FUNCTION {s}.health() RETURNS json LANGUAGE plpgsql AS $function$
  BEGIN
    PERFORM {s}.assert_primary();
    RETURN (SELECT json_build_object('schemaVersion', schema_version) FROM {s}.meta);
  END
  $function$;
`
