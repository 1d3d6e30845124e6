/** Version 3: the feed of changes; `{s}` stands for the schema. Never edited once released. */
export const FEED_FUNCTIONS = `
  -- Written by probes. Other than a row, a sequence leaves nothing behind that a vacuum would have to remove.
  CREATE SEQUENCE {s}.probes;

  -- From the commit on, this connection hears all changes, and the echoes of probes that name what is answered here.
  CREATE FUNCTION {s}.listen() RETURNS json LANGUAGE plpgsql AS $function$
  DECLARE
    v_name text := gen_random_uuid();
  BEGIN
    PERFORM {s}.assert_primary();
    EXECUTE format('LISTEN %I', {s}.channel());
    EXECUTE format('LISTEN %I', 'coatcheck_' || v_name);
    RETURN to_json(v_name);
  END
  $function$;

  -- A sequence can be set wherever a row can be written, and setting it waits for synchronous replicas as that does.
  CREATE FUNCTION {s}.probe(p_name text, p_turn text) RETURNS json LANGUAGE plpgsql AS $function$
  BEGIN
    PERFORM setval('{s}.probes', 1);
    PERFORM pg_notify('coatcheck_' || p_name, 'p' || p_name || ' ' || p_turn);
    RETURN 'null'::json;
  END
  $function$;
`
