/** The tables of the travel shop, with every common type of PostgreSQL among their columns. */
export const SHOP_SCHEMA = /* sql */ `
CREATE TYPE supplier_kind AS ENUM ('hotel', 'airline', 'guide', 'museum', 'car rental');
CREATE TYPE order_status AS ENUM ('cart', 'paid', 'travelled', 'cancelled', 'refunded');
CREATE TYPE payment_method AS ENUM ('card', 'wallet', 'transfer', 'voucher');

CREATE TABLE countries (
  code char(2) PRIMARY KEY,
  name text NOT NULL,
  name_local text NOT NULL,
  currency char(3) NOT NULL,
  population bigint NOT NULL,
  visa_free boolean NOT NULL
);

CREATE TABLE cities (
  id integer PRIMARY KEY,
  country_code char(2) NOT NULL REFERENCES countries,
  name text NOT NULL,
  latitude double precision NOT NULL,
  longitude double precision NOT NULL,
  elevation_m smallint,
  tags text[] NOT NULL,
  monthly_rain_mm real[] NOT NULL
);

CREATE TABLE suppliers (
  id uuid PRIMARY KEY,
  name varchar(80) NOT NULL,
  kind supplier_kind NOT NULL,
  commission numeric(5, 4) NOT NULL,
  contact jsonb,
  founded date,
  contract bytea,
  is_active boolean
);

CREATE TABLE products (
  id uuid PRIMARY KEY,
  supplier_id uuid NOT NULL REFERENCES suppliers,
  city_id integer NOT NULL REFERENCES cities,
  title text NOT NULL,
  description text,
  price numeric(12, 2) NOT NULL,
  currency char(3) NOT NULL,
  attributes jsonb NOT NULL,
  gallery text[] NOT NULL,
  min_age smallint,
  opens_at time,
  weight_kg numeric,
  available_from date NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE customers (
  id bigint PRIMARY KEY,
  email text NOT NULL UNIQUE,
  full_name text NOT NULL,
  phone text,
  birthday date,
  newsletter boolean NOT NULL,
  loyalty_points integer NOT NULL,
  preferences jsonb,
  referrer uuid,
  created_at timestamptz NOT NULL
);

CREATE TABLE orders (
  id bigint PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers,
  status order_status NOT NULL,
  total numeric(14, 2) NOT NULL,
  currency char(3) NOT NULL,
  coupon_codes text[] NOT NULL,
  device_id uuid,
  note text,
  placed_at timestamptz NOT NULL,
  paid_at timestamptz
);

CREATE TABLE order_items (
  order_id bigint NOT NULL REFERENCES orders,
  line_no smallint NOT NULL,
  product_id uuid NOT NULL REFERENCES products,
  travellers integer NOT NULL,
  unit_price numeric(12, 2) NOT NULL,
  discount real,
  travel_date date NOT NULL,
  PRIMARY KEY (order_id, line_no)
);

CREATE TABLE payments (
  id uuid PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders,
  amount numeric(20, 6) NOT NULL,
  method payment_method NOT NULL,
  is_captured boolean,
  gateway_answer json,
  fingerprint bytea NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE travellers (
  id bigint PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders,
  full_name text NOT NULL,
  birthday date,
  passport_hash bytea,
  seat_weights numeric(6, 2)[] NOT NULL
);

CREATE TABLE reviews (
  id bigint PRIMARY KEY,
  product_id uuid NOT NULL REFERENCES products,
  customer_id bigint NOT NULL REFERENCES customers,
  stars smallint NOT NULL,
  body text,
  sentiment double precision,
  helpful_for bigint[] NOT NULL,
  written_at timestamp NOT NULL
);

CREATE TABLE searches (
  id bigint PRIMARY KEY,
  customer_id bigint,
  phrase text NOT NULL,
  result_ids integer[] NOT NULL,
  filters jsonb,
  took_ms integer NOT NULL,
  searched_at timestamptz NOT NULL
);

CREATE TABLE exchange_rates (
  day date NOT NULL,
  currency char(3) NOT NULL,
  rate numeric(20, 10) NOT NULL,
  PRIMARY KEY (day, currency)
);

CREATE TABLE flash_sales (
  id integer PRIMARY KEY,
  product_id uuid NOT NULL REFERENCES products,
  percent smallint NOT NULL,
  ends_at timestamptz
);

CREATE SCHEMA loyalty;

CREATE TABLE loyalty.accounts (
  number text PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers,
  tier text NOT NULL,
  balance numeric(18, 4) NOT NULL,
  expires_on date
);
`;
