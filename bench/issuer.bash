# Who signs the tokens? A throw-away ES256 key and issuer, made with openssl; sourced by bench/run.sh.
#
# Nothing here leaves the scratch folder, and the key dies with it.

# make_issuer FOLDER: a P-256 key; prints its public half as a JWK set (RFC 7517).
make_issuer() {
  local folder="$1" point
  (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/issuer.pem")
  # The last 64 bytes of the public key are the point: x, then y.
  point="$folder/issuer.point"
  openssl pkey -in "$folder/issuer.pem" -pubout -outform DER | tail -c 64 >"$point"
  printf '{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"bench","x":"%s","y":"%s"}]}' \
    "$(head -c 32 "$point" | base64url)" "$(tail -c 32 "$point" | base64url)"
}

# mint FOLDER ISSUER AUDIENCE SCOPE: an access token (RFC 9068) of the size that identity providers give out, on stdout.
mint() {
  local folder="$1" now header claims input
  now="$(date +%s)"
  header='{"alg":"ES256","typ":"at+jwt","kid":"bench"}'
  printf -v claims '{"iss":"%s","sub":"auth0|65f2c1d89b7e4a0012ab34cd","aud":["%s","https://bench.example.com/userinfo"],"client_id":"%s","scope":"%s",' \
    "$2" "$3" 'https://client.example.com/.well-known/oauth-client.json' "$4"
  printf -v claims '%s"iat":%d,"exp":%d,"jti":"%s","org_id":"org_8Xk2mPq0vYbN3sLd","groups":["%s","%s","%s"],"https://bench.example.com/roles":["%s"]}' \
    "$claims" "$((now - 1))" "$((now + 7200))" "$(openssl rand -hex 16)" \
    engineering-platform-developers payments-reviewers-europe on-call-rotation-primary operator
  input="$(printf '%s' "$header" | base64url).$(printf '%s' "$claims" | base64url)"
  printf '%s.%s' "$input" "$(printf '%s' "$input" | sign "$folder/issuer.pem" | base64url)"
}

# sign KEY: what JWS wants, r and s of 32 bytes each (RFC 7518 §3.4), out of the DER that openssl gives.
sign() {
  local number hex=''
  while read -r number; do
    printf -v number '%64s' "$number"
    hex+="${number: -64}"
  done < <(openssl dgst -sha256 -sign "$1" | openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p')
  hex="${hex// /0}"
  # shellcheck disable=SC2001,SC2059 # the format is what makes bytes of the digits
  printf "$(sed 's/../\\x&/g' <<<"$hex")"
}

base64url() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
